// PNG by libpng and JPEG by libjpeg. Their errors leave by longjmp: each function that calls
// setjmp has nothing but trivial locals, and all state lies in a struct of its caller.
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>

// libjpeg's header needs those above, its list of messages needs it.
#include <jpeglib.h>
// clang-format off
#include <jerror.h>
// clang-format on
#include <png.h>

#include "reference/image.h"

namespace gossamer::reference {
namespace {

constexpr png_alloc_size_t kMaxChunk = 8 << 20;
constexpr png_uint_32 kMaxSide = 1 << 24;
// Pixels of a progressive JPEG over all its scans: each scan is a pass over the whole image.
constexpr std::int64_t kMaxScanned = std::int64_t{1} << 30;

// --- PNG ---

struct PngState {
  png_structp png = nullptr;
  png_infop info = nullptr;
  Bytes rest;
  png_uint_32 width = 0, height = 0;
  int passes = 1;

  PngState() = default;
  PngState(const PngState&) = delete;
  PngState& operator=(const PngState&) = delete;
  ~PngState() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void png_failed(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void png_warned(png_structp, png_const_charp) {}

void png_read(png_structp png, png_bytep out, std::size_t count) {
  auto* state = static_cast<PngState*>(png_get_io_ptr(png));
  if (count > state->rest.size()) png_error(png, "out of data");
  std::memcpy(out, state->rest.data(), count);
  state->rest = state->rest.subspan(count);
}

// Reads the header and asks for 8-bit RGB without alpha.
bool png_start(PngState& s) {
  if (setjmp(png_jmpbuf(s.png)) != 0) return false;
  png_set_read_fn(s.png, &s, png_read);
  png_set_user_limits(s.png, kMaxSide, kMaxSide);
  png_set_chunk_malloc_max(s.png, kMaxChunk);
  png_read_info(s.png, s.info);
  s.width = png_get_image_width(s.png, s.info);
  s.height = png_get_image_height(s.png, s.info);
  png_set_expand(s.png);
  png_set_strip_16(s.png);
  png_set_strip_alpha(s.png);
  png_set_gray_to_rgb(s.png);
  s.passes = png_set_interlace_handling(s.png);
  png_read_update_info(s.png, s.info);
  return png_get_rowbytes(s.png, s.info) == std::size_t{s.width} * 3;
}

bool png_rows(PngState& s, std::uint8_t* pixels) {
  if (setjmp(png_jmpbuf(s.png)) != 0) return false;
  for (int pass = 0; pass < s.passes; ++pass)
    for (png_uint_32 y = 0; y < s.height; ++y)
      png_read_row(s.png, pixels + std::size_t{y} * s.width * 3, nullptr);
  png_read_end(s.png, nullptr);
  return true;
}

// --- JPEG ---

struct JpegState {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  bool created = false;

  JpegState() = default;
  JpegState(const JpegState&) = delete;
  JpegState& operator=(const JpegState&) = delete;
  ~JpegState() {
    if (created) jpeg_destroy_decompress(&jpeg);
  }
};

JpegState& state_of(j_common_ptr jpeg) { return *static_cast<JpegState*>(jpeg->client_data); }

[[noreturn]] void jpeg_failed(j_common_ptr jpeg) { std::longjmp(state_of(jpeg).jump, 1); }

void jpeg_message(j_common_ptr jpeg, int level) {
  if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) jpeg_failed(jpeg);
}

void jpeg_progress(j_common_ptr jpeg) {
  const jpeg_decompress_struct& d = state_of(jpeg).jpeg;
  if (d.input_scan_number > kMaxScanned / d.image_width / d.image_height) jpeg_failed(jpeg);
}

bool jpeg_start(JpegState& s, Bytes file) {
  s.jpeg.err = jpeg_std_error(&s.errors);
  s.errors.error_exit = jpeg_failed;
  s.errors.emit_message = jpeg_message;
  s.jpeg.client_data = &s;
  if (setjmp(s.jump) != 0) return false;
  jpeg_create_decompress(&s.jpeg);
  s.created = true;
  s.progress.progress_monitor = jpeg_progress;
  s.jpeg.progress = &s.progress;
  jpeg_mem_src(&s.jpeg, file.data(), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&s.jpeg, TRUE);
  s.jpeg.out_color_space = JCS_RGB;
  s.jpeg.dct_method = JDCT_ISLOW;
  s.jpeg.do_fancy_upsampling = TRUE;
  return true;
}

bool jpeg_rows(JpegState& s, std::uint8_t* pixels) {
  if (setjmp(s.jump) != 0) return false;
  jpeg_start_decompress(&s.jpeg);
  while (s.jpeg.output_scanline < s.jpeg.output_height) {
    JSAMPROW row = pixels + std::size_t{s.jpeg.output_scanline} * s.jpeg.output_width * 3;
    jpeg_read_scanlines(&s.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&s.jpeg);
  return true;
}

}  // namespace

bool decode_png(Bytes file, Image& image) {
  PngState s;
  s.rest = file;
  s.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, png_failed, png_warned);
  if (s.png == nullptr) return false;
  s.info = png_create_info_struct(s.png);
  if (s.info == nullptr || !png_start(s)) return false;
  return image.resize(s.width, s.height) && png_rows(s, image.row(0));
}

bool decode_jpeg(Bytes file, Image& image) {
  JpegState s;
  if (!jpeg_start(s, file)) return false;
  return image.resize(s.jpeg.image_width, s.jpeg.image_height) && jpeg_rows(s, image.row(0));
}

}  // namespace gossamer::reference
