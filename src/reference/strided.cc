// Bringing the axes of a strided copy into the form that its loops like.
#include "reference/strided.h"

namespace gossamer::reference {

std::vector<StridedAxis> simplify(std::span<const StridedAxis> axes) {
  std::vector<StridedAxis> out;
  for (const StridedAxis& a : axes) {
    if (a.extent == 1) continue;
    if (!out.empty() && out.back().from == a.from * a.extent && out.back().to == a.to * a.extent)
      out.back() = {out.back().extent * a.extent, a.from, a.to};
    else
      out.push_back(a);
  }
  // The loops want two axes at least.
  while (out.size() < 2) out.insert(out.begin(), StridedAxis{1, 0, 0});
  if (out.back().from == 0 || out.back().from == 1) return out;
  for (std::size_t i = 0; i + 2 < out.size(); ++i)
    if (out[i].from == 1) {
      std::rotate(out.begin() + static_cast<std::ptrdiff_t>(i),
                  out.begin() + static_cast<std::ptrdiff_t>(i) + 1, out.end() - 1);
      break;
    }
  return out;
}

}  // namespace gossamer::reference
