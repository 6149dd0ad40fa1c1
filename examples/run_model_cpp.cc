// Runs a model of one input, a vector of floats, and prints its first output: run_model_cpp MODEL
// NUMBER...
#include <cstdio>
#include <string>

#include "gossamer/gossamer.hpp"

int main(int argc, char** argv) try {
  std::vector<float> x;
  for (int i = 2; i < argc; ++i) x.push_back(std::stof(argv[i]));
  const std::int64_t shape[] = {static_cast<std::int64_t>(x.size())};

  const goss::Model model(argc > 1 ? argv[1] : "");
  goss::Session session(model);
  const gossamer_tensor input = goss::view<float>(x, shape);
  const goss::Answer answer = session.run({&input, 1});
  for (const float y : answer.values<float>(0)) std::printf("%g\n", static_cast<double>(y));
  return 0;
} catch (const goss::Error& error) {
  std::fprintf(stderr, "%s\n%s\n", error.what(), error.hint().c_str());
  return error.code();
}
