// Leaf code of copies: runs of bytes, strided elements, transposes by square tiles in registers.
#include <immintrin.h>

#include "kernels/copy/copy_table.h"
#include "kernels/level.h"

namespace gossamer::kernels {
namespace {

#define INLINE inline __attribute__((always_inline))

using std::ptrdiff_t;
using U8 = std::uint8_t;
using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;
struct U128 {
  U64 low, high;
};

template <class T>
void strided(const void* x, ptrdiff_t sx, void* y, ptrdiff_t sy, ptrdiff_t n) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  if (sx == 0 && sy == 1) {
    const T value = *from;
    for (ptrdiff_t i = 0; i < n; ++i) to[i] = value;
  } else if (sx == 1 && sy == 1) {
    __builtin_memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
  } else if (sx == 2 && sy == 1) {
    for (ptrdiff_t i = 0; i < n; ++i) to[i] = from[2 * i];
  } else {
    for (ptrdiff_t i = 0; i < n; ++i) to[i * sy] = from[i * sx];
  }
}

// --- square tiles ---

INLINE __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
INLINE void store16(void* p, __m128i v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }

// Rows of 8 bytes: 8 x 8 bytes.
INLINE void tile(const U8* x, ptrdiff_t sx, U8* y, ptrdiff_t sy) {
  const auto row = [=](ptrdiff_t i) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + i * sx));
  };
  const __m128i a = _mm_unpacklo_epi8(row(0), row(1)), b = _mm_unpacklo_epi8(row(2), row(3));
  const __m128i c = _mm_unpacklo_epi8(row(4), row(5)), d = _mm_unpacklo_epi8(row(6), row(7));
  const __m128i ab0 = _mm_unpacklo_epi16(a, b), ab1 = _mm_unpackhi_epi16(a, b);
  const __m128i cd0 = _mm_unpacklo_epi16(c, d), cd1 = _mm_unpackhi_epi16(c, d);
  const __m128i out[4] = {_mm_unpacklo_epi32(ab0, cd0), _mm_unpackhi_epi32(ab0, cd0),
                          _mm_unpacklo_epi32(ab1, cd1), _mm_unpackhi_epi32(ab1, cd1)};
  for (int j = 0; j < 4; ++j) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y + 2 * j * sy), out[j]);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y + (2 * j + 1) * sy),
                     _mm_unpackhi_epi64(out[j], out[j]));
  }
}

INLINE void tile(const U16* x, ptrdiff_t sx, U16* y, ptrdiff_t sy) {
  __m128i a[8], b[8];
  for (int i = 0; i < 4; ++i) {
    const __m128i low = load16(x + i * sx), high = load16(x + (i + 4) * sx);
    a[2 * i] = _mm_unpacklo_epi16(low, high);
    a[2 * i + 1] = _mm_unpackhi_epi16(low, high);
  }
  // Three rounds of interleaving the first half with the second.
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
    b[2 * i + 1] = _mm_unpackhi_epi16(a[i], a[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    store16(y + 2 * i * sy, _mm_unpacklo_epi16(b[i], b[i + 4]));
    store16(y + (2 * i + 1) * sy, _mm_unpackhi_epi16(b[i], b[i + 4]));
  }
}

#if defined(__AVX2__)
INLINE void tile(const U32* x, ptrdiff_t sx, U32* y, ptrdiff_t sy) {
  // Columns 0-3 of rows i and i + 4 side by side, then columns 4-7.
  for (int half = 0; half < 2; ++half) {
    __m256 r[4];
    for (int i = 0; i < 4; ++i) {
      const auto at = [=](ptrdiff_t row) {
        return _mm_loadu_ps(reinterpret_cast<const float*>(x + row * sx + 4 * half));
      };
      r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(at(i)), at(i + 4), 1);
    }
    const __m256 a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpackhi_ps(r[0], r[1]);
    const __m256 c = _mm256_unpacklo_ps(r[2], r[3]), d = _mm256_unpackhi_ps(r[2], r[3]);
    const __m256 out[4] = {_mm256_shuffle_ps(a, c, 0x44), _mm256_shuffle_ps(a, c, 0xEE),
                           _mm256_shuffle_ps(b, d, 0x44), _mm256_shuffle_ps(b, d, 0xEE)};
    for (int j = 0; j < 4; ++j)
      _mm256_storeu_ps(reinterpret_cast<float*>(y + (4 * half + j) * sy), out[j]);
  }
}
#else
INLINE void tile(const U32* x, ptrdiff_t sx, U32* y, ptrdiff_t sy) {
  for (int quarter = 0; quarter < 4; ++quarter) {
    const int row = quarter / 2 * 4, column = quarter % 2 * 4;
    const auto at = [=](ptrdiff_t i) { return load16(x + (row + i) * sx + column); };
    const __m128i a = _mm_unpacklo_epi32(at(0), at(1)), b = _mm_unpackhi_epi32(at(0), at(1));
    const __m128i c = _mm_unpacklo_epi32(at(2), at(3)), d = _mm_unpackhi_epi32(at(2), at(3));
    const __m128i out[4] = {_mm_unpacklo_epi64(a, c), _mm_unpackhi_epi64(a, c),
                            _mm_unpacklo_epi64(b, d), _mm_unpackhi_epi64(b, d)};
    for (int j = 0; j < 4; ++j) store16(y + (column + j) * sy + row, out[j]);
  }
}
#endif

INLINE void tile(const U64* x, ptrdiff_t sx, U64* y, ptrdiff_t sy) {
  for (int i = 0; i < 8; i += 2)
    for (int j = 0; j < 8; j += 2) {
      const __m128i a = load16(x + i * sx + j), b = load16(x + (i + 1) * sx + j);
      store16(y + j * sy + i, _mm_unpacklo_epi64(a, b));
      store16(y + (j + 1) * sy + i, _mm_unpackhi_epi64(a, b));
    }
}
INLINE void tile(const U128* x, ptrdiff_t sx, U128* y, ptrdiff_t sy) {
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) store16(y + j * sy + i, load16(x + i * sx + j));
}

// --- transposes ---

// Few columns: their number is known when compiled, so that the compiler sees groups.
template <class T, int kColumns>
INLINE void split(const T* x, T* y, ptrdiff_t sy, ptrdiff_t rows) {
  T* to[kColumns];
  for (int j = 0; j < kColumns; ++j) to[j] = y + j * sy;
  for (ptrdiff_t i = 0; i < rows; ++i)
    for (int j = 0; j < kColumns; ++j) to[j][i] = x[i * kColumns + j];
}
template <class T, int kRows>
INLINE void join(const T* x, ptrdiff_t sx, T* y, ptrdiff_t columns) {
  const T* from[kRows];
  for (int i = 0; i < kRows; ++i) from[i] = x + i * sx;
  for (ptrdiff_t j = 0; j < columns; ++j)
    for (int i = 0; i < kRows; ++i) y[j * kRows + i] = from[i][j];
}

template <class T>
INLINE void elements(const T* x, ptrdiff_t sx, T* y, ptrdiff_t sy, ptrdiff_t rows,
                     ptrdiff_t columns) {
  for (ptrdiff_t j = 0; j < columns; ++j)
    for (ptrdiff_t i = 0; i < rows; ++i) y[i + j * sy] = x[i * sx + j];
}

template <class T>
void transpose(const void* x, ptrdiff_t sx, void* y, ptrdiff_t sy, ptrdiff_t rows,
               ptrdiff_t columns) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  if (columns == 2 && sx == 2) return split<T, 2>(from, to, sy, rows);
  if (columns == 3 && sx == 3) return split<T, 3>(from, to, sy, rows);
  if (columns == 4 && sx == 4) return split<T, 4>(from, to, sy, rows);
  if (rows == 2 && sy == 2) return join<T, 2>(from, sx, to, columns);
  if (rows == 3 && sy == 3) return join<T, 3>(from, sx, to, columns);
  if (rows == 4 && sy == 4) return join<T, 4>(from, sx, to, columns);
  // Squares of one cache line on both sides, made of tiles of eight.
  constexpr ptrdiff_t kTile = 8;
  constexpr ptrdiff_t kSquare = 64 / sizeof(T) < 8 ? 8 : 64 / sizeof(T);
  const ptrdiff_t whole_rows = rows / kTile * kTile, whole_columns = columns / kTile * kTile;
  for (ptrdiff_t j0 = 0; j0 < whole_columns; j0 += kSquare) {
    const ptrdiff_t j1 = j0 + kSquare < whole_columns ? j0 + kSquare : whole_columns;
    for (ptrdiff_t i0 = 0; i0 < whole_rows; i0 += kSquare) {
      const ptrdiff_t i1 = i0 + kSquare < whole_rows ? i0 + kSquare : whole_rows;
      for (ptrdiff_t j = j0; j < j1; j += kTile)
        for (ptrdiff_t i = i0; i < i1; i += kTile) tile(from + i * sx + j, sx, to + i + j * sy, sy);
    }
  }
  elements(from + whole_columns, sx, to + whole_columns * sy, sy, whole_rows,
           columns - whole_columns);
  elements(from + whole_rows * sx, sx, to + whole_rows, sy, rows - whole_rows, columns);
}

// --- runs ---

// Two pieces that overlap cover any length between one and two of them.
template <class T>
INLINE void ends(const U8* x, U8* y, ptrdiff_t bytes) {
  T first, last;
  __builtin_memcpy(&first, x, sizeof(T));
  __builtin_memcpy(&last, x + bytes - sizeof(T), sizeof(T));
  __builtin_memcpy(y, &first, sizeof(T));
  __builtin_memcpy(y + bytes - sizeof(T), &last, sizeof(T));
}
template <class F>
INLINE void each_run(const U8* x, ptrdiff_t sx, U8* y, ptrdiff_t sy, ptrdiff_t rows, F f) {
  for (ptrdiff_t r = 0; r < rows; ++r, x += sx, y += sy) f(x, y);
}

void runs(const void* x, ptrdiff_t sx, void* y, ptrdiff_t sy, ptrdiff_t rows, ptrdiff_t bytes) {
  const U8* from = static_cast<const U8*>(x);
  U8* to = static_cast<U8*>(y);
  const auto run = [&](auto f) { each_run(from, sx, to, sy, rows, f); };
  if (bytes >= 512) {
    run([=](const U8* a, U8* b) { __builtin_memcpy(b, a, static_cast<std::size_t>(bytes)); });
  } else if (bytes > 32) {
    run([=](const U8* a, U8* b) {
      for (ptrdiff_t i = 0; i + 32 < bytes; i += 32) {
        store16(b + i, load16(a + i));
        store16(b + i + 16, load16(a + i + 16));
      }
      ends<__m128i>(a + bytes - 32, b + bytes - 32, 32);
    });
  } else if (bytes >= 16) {
    run([=](const U8* a, U8* b) { ends<__m128i>(a, b, bytes); });
  } else if (bytes >= 8) {
    run([=](const U8* a, U8* b) { ends<U64>(a, b, bytes); });
  } else if (bytes >= 4) {
    run([=](const U8* a, U8* b) { ends<U32>(a, b, bytes); });
  } else {
    run([=](const U8* a, U8* b) {
      for (ptrdiff_t i = 0; i < bytes; ++i) b[i] = a[i];
    });
  }
}

}  // namespace

extern const CopyTable LEVEL_TABLE(copy_table) = {
    {strided<U8>, strided<U16>, strided<U32>, strided<U64>, strided<U128>},
    {transpose<U8>, transpose<U16>, transpose<U32>, transpose<U64>, transpose<U128>},
    runs,
};

}  // namespace gossamer::kernels
