// Every instruction against plain code, in every layout, at every level of this machine.
#include "kernels/pointwise/pointwise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "base/float_bits.h"
#include "kernels/level.h"
#include "kernels/pointwise/block.h"
#include "kernels/test_tools.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(TileTable, tile_table)

namespace {

using Value = VectorBuilder::Value;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A program of one instruction over inputs of the given types.
VectorProgram one(std::string_view op, DType result, const std::vector<DType>& types) {
  VectorBuilder b;
  std::vector<Value> args;
  for (const DType d : types) args.push_back(b.input(d).value_or(Value{}));
  const auto y = b.emit(op, result, args);
  if (!y) return {};
  return b.finish(std::span(&*y, 1)).value_or(VectorProgram{});
}

template <class Y, class... X>
std::vector<Y> run(const VectorProgram& p, Level level, const std::vector<X>&... x) {
  const auto n = static_cast<std::int64_t>(std::min({x.size()...}));
  std::vector<Y> y(static_cast<std::size_t>(n));
  std::vector<View> inputs = {View::row_major(dtype_of<X>, std::array{n})...};
  run_step(PointwiseStep{p}, inputs, {View::row_major(dtype_of<Y>, std::array{n})},
           {static_cast<const void*>(x.data())...}, {y.data()}, level);
  return y;
}

std::vector<float> numbers() {
  std::vector<float> v = {0.0F,
                          -0.0F,
                          1,
                          -1,
                          kInf,
                          -kInf,
                          kNan,
                          0x1p-149F,
                          -0x1p-149F,
                          0x1p-126F,
                          std::numeric_limits<float>::max(),
                          -std::numeric_limits<float>::max(),
                          0.5F,
                          -0.5F,
                          1.5F,
                          2.5F,
                          -2.5F,
                          3e9F,
                          -3e9F,
                          1e20F,
                          88.7F,
                          88.73F,
                          89,
                          -87.3F,
                          -87.4F,
                          -103.9F,
                          -104.1F,
                          0.99999994F,
                          1.0000001F,
                          16777216,
                          8388609.5F};
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const float scale :
       {1e-30F, 1e-6F, 1e-3F, 0.1F, 1.0F, 4.0F, 20.0F, 110.0F, 5000.0F, 1e6F, 1e30F})
    for (int i = 0; i < 700; ++i) v.push_back(uniform(random) * scale);
  for (int i = 0; i < 3000; ++i)
    v.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  return v;
}

double units(float got, double want) {
  const auto rounded = static_cast<float>(want);
  if (std::isnan(rounded)) return std::isnan(got) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e9;
  const double unit =
      std::max(std::ldexp(1.0, std::ilogb(rounded == 0 ? 0x1p-140F : rounded) - 23), 0x1p-149);
  return std::abs(got - want) / unit;
}

struct Function {
  const char* name;
  double (*exact)(double);
  double limit;     // units in the last place
  double absolute;  // or this much
};

TEST(Pointwise, FunctionsOfFloats) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const Function functions[] = {
      {"exp", [](double x) { return std::exp(x); }, 2, 0},
      {"expm1", [](double x) { return std::expm1(x); }, 2, 0},
      {"log", [](double x) { return std::log(x); }, 2, 0},
      {"log1p", [](double x) { return std::log1p(x); }, 2, 0},
      {"sin", [](double x) { return std::sin(x); }, 2, 0x1p-23},
      {"cos", [](double x) { return std::cos(x); }, 2, 0x1p-23},
      {"tanh", [](double x) { return std::tanh(x); }, 2, 0x1p-23},
      {"erf", [](double x) { return std::erf(x); }, 2.5, 0x1p-23},
      {"sigmoid", sigmoid, 2, 0x1p-23},
      {"tan", [](double x) { return std::tan(x); }, 2, 0},
      {"asin", [](double x) { return std::asin(x); }, 2, 0},
      {"atanh", [](double x) { return std::atanh(x); }, 4, 0},
      {"sqrt", [](double x) { return std::sqrt(x); }, 0.5, 0},
      {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 2, 0},
      {"recip", [](double x) { return 1 / x; }, 0.5, 0},
      {"floor", [](double x) { return std::floor(x); }, 0, 0},
      {"ceil", [](double x) { return std::ceil(x); }, 0, 0},
      {"rint", [](double x) { return std::nearbyint(x); }, 0, 0},
      {"trunc", [](double x) { return std::trunc(x); }, 0, 0},
      {"neg", [](double x) { return -x; }, 0, 0},
      {"abs", [](double x) { return std::abs(x); }, 0, 0},
      {"sign", [](double x) { return x > 0   ? 1
                                     : x < 0 ? -1
                                             : x; }, 0, 0},
  };
  const std::vector<float> x = numbers();
  for (const Function& f : functions)
    for (const Level level : levels()) {
      const auto y = run<float>(one(f.name, DType::f32, {DType::f32}), level, x);
      double worst = 0;
      std::size_t at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double want = f.exact(x[i]);
        if (std::abs(y[i] - want) <= f.absolute) continue;
        const double u = units(y[i], want);
        if (u > worst) worst = u, at = i;
      }
      EXPECT_LE(worst, f.limit) << f.name << " " << level_name(level) << " of " << x[at] << ": "
                                << y[at];
    }
}

template <class T>
void check_binary(const char* name, const std::function<T(T, T)>& want,
                  const std::vector<T>& values) {
  std::vector<T> a, b;
  for (const T u : values)
    for (const T v : values) a.push_back(u), b.push_back(v);
  const VectorProgram p = one(name, dtype_of<T>, {dtype_of<T>, dtype_of<T>});
  ASSERT_FALSE(p.empty()) << name;
  for (const Level level : levels()) {
    const auto y = run<T>(p, level, a, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const T w = want(a[i], b[i]);
      ASSERT_TRUE(std::memcmp(&y[i], &w, sizeof w) == 0 || (y[i] != y[i] && w != w))
          << name << " " << +a[i] << " " << +b[i] << " gives " << +y[i] << " not " << +w;
    }
  }
}

TEST(Pointwise, BinaryOnFloats) {
  using F = float;
  const std::vector<F> v = {0.0F, -0.0F, 1,     -1,   2.5F,   -2.5F, 3,
                            7,    kInf,  -kInf, kNan, 1e-40F, 1e30F};
  check_binary<F>("add", [](F a, F b) { return a + b; }, v);
  check_binary<F>("sub", [](F a, F b) { return a - b; }, v);
  check_binary<F>("mul", [](F a, F b) { return a * b; }, v);
  check_binary<F>("div", [](F a, F b) { return a / b; }, v);
  check_binary<F>("min", [](F a, F b) { return a <= b || a != a ? a : b; }, v);
  check_binary<F>("max", [](F a, F b) { return a >= b || a != a ? a : b; }, v);
  check_binary<F>("pow", [](F a, F b) { return std::pow(a, b); }, v);
  check_binary<F>("rem", [](F a, F b) { return std::fmod(a, b); }, v);
  check_binary<F>(
      "mod",
      [](F a, F b) {
        const F r = std::fmod(a, b);
        return r == 0 ? std::copysign(F{0}, b) : (r < 0) != (b < 0) ? r + b : r;
      },
      v);
  const std::vector<double> w(v.begin(), v.end());
  check_binary<double>("max", [](double a, double b) { return a >= b || a != a ? a : b; }, w);
  check_binary<double>("div", [](double a, double b) { return a / b; }, w);
}

template <class T>
void check_integers() {
  using L = std::numeric_limits<T>;
  const std::vector<T> v = {0,
                            1,
                            2,
                            3,
                            7,
                            31,
                            33,
                            100,
                            L::max(),
                            L::min(),
                            static_cast<T>(-1),
                            static_cast<T>(-7),
                            static_cast<T>(L::max() - 1)};
  // In 64 bits, wrapping, then cut to T.
  using I = std::int64_t;
  const auto wide = [](I (*f)(I, I)) {
    return [f](T u, T w) { return static_cast<T>(f(static_cast<I>(u), static_cast<I>(w))); };
  };
  check_binary<T>(
      "add", wide([](I a, I b) { return static_cast<I>(std::uint64_t(a) + std::uint64_t(b)); }), v);
  check_binary<T>(
      "sub", wide([](I a, I b) { return static_cast<I>(std::uint64_t(a) - std::uint64_t(b)); }), v);
  check_binary<T>(
      "mul", wide([](I a, I b) { return static_cast<I>(std::uint64_t(a) * std::uint64_t(b)); }), v);
  check_binary<T>("div", wide([](I a, I b) {
                    return b == 0 ? 0 : b == -1 ? static_cast<I>(0 - std::uint64_t(a)) : a / b;
                  }),
                  v);
  check_binary<T>("rem", wide([](I a, I b) { return b == 0 || b == -1 ? 0 : a % b; }), v);
  check_binary<T>("mod", wide([](I a, I b) {
                    const I r = b == 0 || b == -1 ? 0 : a % b;
                    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
                  }),
                  v);
  check_binary<T>("min", wide([](I a, I b) { return std::min(a, b); }), v);
  check_binary<T>("max", wide([](I a, I b) { return std::max(a, b); }), v);
  check_binary<T>("and", wide([](I a, I b) { return a & b; }), v);
  check_binary<T>("xor", wide([](I a, I b) { return a ^ b; }), v);
  constexpr int kWidth = 8 * sizeof(T);
  check_binary<T>("shl", wide([](I a, I b) {
                    return b < 0 || b >= kWidth ? 0 : static_cast<I>(std::uint64_t(a) << b);
                  }),
                  v);
  check_binary<T>(
      "shr", wide([](I a, I b) { return b < 0 || b >= kWidth ? (a < 0 ? -1 : I{0}) : a >> b; }), v);
}

TEST(Pointwise, IntegersWrapInTheirOwnWidth) {
  check_integers<std::int8_t>();
  check_integers<std::uint8_t>();
  check_integers<std::int16_t>();
  check_integers<std::uint16_t>();
  check_integers<std::int32_t>();
  check_integers<std::uint32_t>();
  check_integers<std::int64_t>();
}

TEST(Pointwise, ComparisonsAndSelect) {
  std::vector<float> a = numbers(), b = a;
  std::rotate(b.begin(), b.begin() + 5, b.end());
  for (std::size_t i = 0; i < a.size(); i += 3) b[i] = a[i];
  std::vector<double> da(a.begin(), a.end()), db(b.begin(), b.end());
  std::vector<std::int64_t> la, lb;
  for (const float v : a) la.push_back(std::bit_cast<std::int32_t>(v) * std::int64_t{0x10001});
  for (const float v : b) lb.push_back(std::bit_cast<std::int32_t>(v) * std::int64_t{0x10001});
  for (const Level level : levels()) {
    const auto check = [&](const auto& x, const auto& y) {
      using T = typename std::remove_cvref_t<decltype(x)>::value_type;
      VectorBuilder builder;
      const Value u = *builder.input(dtype_of<T>), v = *builder.input(dtype_of<T>);
      const auto less = builder.emit("lt", DType::boolean, std::array{u, v});
      const auto same = builder.emit("eq", DType::boolean, std::array{u, v});
      const auto both = builder.emit("or", DType::boolean, std::array{*less, *same});
      const auto pick = builder.emit("select", dtype_of<T>, std::array{*both, u, v});
      const auto p = builder.finish(std::array{*less, *same, *pick, *both});
      ASSERT_TRUE(p);
      const auto n = static_cast<std::int64_t>(x.size());
      std::vector<T> z(x.size());
      std::vector<std::uint8_t> lt(x.size()), eq(x.size()), le(x.size());
      const View boolean = View::row_major(DType::boolean, std::array{n});
      const View plain = View::row_major(dtype_of<T>, std::array{n});
      run_step(PointwiseStep{*p}, {plain, plain}, {boolean, boolean, plain, boolean},
               {x.data(), y.data()}, {lt.data(), eq.data(), z.data(), le.data()}, level);
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(lt[i], x[i] < y[i]);
        ASSERT_EQ(eq[i], x[i] == y[i]);
        ASSERT_EQ(le[i], x[i] <= y[i]);
        ASSERT_EQ(std::memcmp(&z[i], x[i] <= y[i] ? &x[i] : &y[i], sizeof(T)), 0);
      }
    };
    check(a, b);
    check(da, db);
    check(la, lb);
  }
}

// The element that `cast` makes of a float or an integer.
template <class To, class From>
To cast_of(From v) {
  if constexpr (std::is_same_v<To, F16> || std::is_same_v<To, BF16>) {
    return round_to<To>(static_cast<float>(v));
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(v);
  } else if constexpr (std::is_floating_point_v<From>) {
    if (std::isnan(v)) return 0;
    if (v >= static_cast<From>(0x1p63))
      return static_cast<To>(std::numeric_limits<std::int64_t>::max());
    if (v < static_cast<From>(-0x1p63))
      return static_cast<To>(std::numeric_limits<std::int64_t>::min());
    return static_cast<To>(static_cast<std::int64_t>(v));
  } else {
    return static_cast<To>(v);
  }
}

template <class From, class To>
void check_cast(const std::vector<From>& x) {
  const VectorProgram p = one("cast", dtype_of<To>, {dtype_of<From>});
  ASSERT_FALSE(p.empty()) << dtype_name(dtype_of<From>) << " to " << dtype_name(dtype_of<To>);
  for (const Level level : levels()) {
    const auto y = run<To>(p, level, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const To want = cast_of<To>(x[i]);
      if constexpr (std::is_same_v<To, F16> || std::is_same_v<To, BF16>) {
        if (std::isnan(to_float(want)) && std::isnan(to_float(y[i]))) continue;
        ASSERT_EQ(y[i].bits, want.bits) << x[i];
      } else if constexpr (std::is_floating_point_v<To>) {
        if (want != want && y[i] != y[i]) continue;
        ASSERT_EQ(y[i], want);
      } else {
        ASSERT_EQ(+y[i], +want) << +x[i] << " to " << dtype_name(dtype_of<To>);
      }
    }
  }
}

TEST(Pointwise, Casts) {
  const std::vector<float> x = numbers();
  check_cast<float, double>(x);
  check_cast<float, F16>(x);
  check_cast<float, BF16>(x);
  check_cast<float, std::int8_t>(x);
  check_cast<float, std::uint8_t>(x);
  check_cast<float, std::int16_t>(x);
  check_cast<float, std::int32_t>(x);
  check_cast<float, std::uint32_t>(x);
  check_cast<float, std::int64_t>(x);
  std::vector<double> d(x.begin(), x.end());
  check_cast<double, float>(d);
  check_cast<double, std::int32_t>(d);
  check_cast<double, std::int64_t>(d);
  std::vector<std::int64_t> l;
  std::vector<std::int32_t> i;
  std::vector<std::int8_t> c;
  std::vector<std::uint8_t> u;
  for (const float v : x) {
    i.push_back(std::bit_cast<std::int32_t>(v));
    l.push_back(i.back() * std::int64_t{0x1234567});
    c.push_back(static_cast<std::int8_t>(i.back()));
    u.push_back(static_cast<std::uint8_t>(i.back() >> 3));
  }
  check_cast<std::int64_t, float>(l);
  check_cast<std::int64_t, double>(l);
  check_cast<std::int64_t, std::int32_t>(l);
  check_cast<std::int64_t, std::uint8_t>(l);
  check_cast<std::int32_t, float>(i);
  check_cast<std::int32_t, std::int64_t>(i);
  check_cast<std::int32_t, std::uint32_t>(i);
  check_cast<std::int32_t, std::int8_t>(i);
  check_cast<std::int8_t, float>(c);
  check_cast<std::int8_t, std::uint8_t>(c);
  check_cast<std::uint8_t, std::int64_t>(u);
  check_cast<std::uint8_t, F16>(u);
  EXPECT_TRUE(one("cast", DType::f16, {DType::f64}).empty());
}

TEST(Pointwise, BooleansAsNumbersAndBack) {
  std::vector<float> x = {0, -0.0F, 1, kNan, kInf, 0x1p-149F};
  for (const Level level : levels()) {
    VectorBuilder b;
    const Value v = *b.input(DType::f32);
    const Value t = *b.emit("cast", DType::boolean, std::array{v});
    const Value n = *b.emit("not", DType::boolean, std::array{t});
    const auto p = b.finish(std::array{*b.emit("cast", DType::f32, std::array{n})});
    EXPECT_EQ(run<float>(*p, level, x), (std::vector<float>{1, 1, 0, 0, 0, 0}));
    const auto back = run<std::uint8_t>(one("cast", DType::u8, {DType::f32}), level, x);
    EXPECT_EQ(back[2], 1);
  }
}

TEST(Pointwise, HalvesRoundAfterEveryInstruction) {
  std::vector<F16> a, b;
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    a.push_back({static_cast<std::uint16_t>(random())});
    b.push_back({static_cast<std::uint16_t>(random())});
  }
  VectorBuilder builder;
  const Value u = *builder.input(DType::f16), v = *builder.input(DType::f16);
  const Value product = *builder.emit("mul", DType::f16, std::array{u, v});
  const auto p =
      builder.finish(std::array{*builder.emit("add", DType::f16, std::array{product, u})});
  for (const Level level : levels()) {
    const auto y = run<F16>(*p, level, a, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const float half = to_float(float_to_f16(to_float(a[i]) * to_float(b[i])));
      const F16 want = float_to_f16(half + to_float(a[i]));
      if (std::isnan(to_float(want)) && std::isnan(to_float(y[i]))) continue;
      ASSERT_EQ(y[i].bits, want.bits);
    }
  }
}

TEST(Pointwise, QuantizeAndBack) {
  const std::vector<float> x = numbers();
  const auto check = [&](auto tag) {
    using T = typename decltype(tag)::type;
    VectorBuilder b;
    const Value v = *b.input(DType::f32);
    const Value scale = *b.constant(DType::f32, std::bit_cast<std::uint32_t>(0.037F));
    const Value zero = *b.constant(dtype_of<T>, static_cast<std::make_unsigned_t<T>>(T{11}));
    const Value q = *b.emit("quantize", dtype_of<T>, std::array{v, scale, zero});
    const auto p =
        b.finish(std::array{q, *b.emit("dequantize", DType::f32, std::array{q, scale, zero})});
    ASSERT_TRUE(p);
    const auto n = static_cast<std::int64_t>(x.size());
    std::vector<T> y(x.size());
    std::vector<float> z(x.size());
    for (const Level level : levels()) {
      run_step(
          PointwiseStep{*p}, {View::row_major(DType::f32, std::array{n})},
          {View::row_major(dtype_of<T>, std::array{n}), View::row_major(DType::f32, std::array{n})},
          {x.data()}, {y.data(), z.data()}, level);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const float d = x[i] / 0.037F;
        const double r = std::isnan(d) ? 0 : std::nearbyint(d);
        const double want = std::clamp(r + 11.0, static_cast<double>(std::numeric_limits<T>::min()),
                                       static_cast<double>(std::numeric_limits<T>::max()));
        ASSERT_EQ(+y[i], want) << x[i];
        ASSERT_EQ(z[i], static_cast<float>(y[i] - 11) * 0.037F);
      }
    }
  };
  check(TypeTag<std::int8_t>{});
  check(TypeTag<std::uint8_t>{});
  check(TypeTag<std::int16_t>{});
}

TEST(Pointwise, PowersThatModelsHave) {
  const std::vector<float> x = numbers();
  for (const float e : {0.5F, 1.0F, 2.0F, 3.0F, -1.0F, 4.0F, -0.5F}) {
    VectorBuilder b;
    const Value v = *b.input(DType::f32);
    const Value c = *b.constant(DType::f32, std::bit_cast<std::uint32_t>(e));
    const auto p = b.finish(std::array{*b.emit("pow", DType::f32, std::array{v, c})});
    for (const Level level : levels()) {
      const auto y = e == 1.0F ? x : run<float>(*p, level, x);
      for (std::size_t i = 0; i < x.size(); ++i)
        ASSERT_LE(units(y[i], static_cast<double>(std::pow(x[i], e))), 2) << x[i] << " ^ " << e;
    }
  }
}

// (x + bias) * slope, at least 0; and x + bias as a second output.
VectorProgram affine() {
  VectorBuilder b;
  const Value x = *b.input(DType::f32), bias = *b.input(DType::f32), slope = *b.input(DType::f32);
  const Value sum = *b.emit("add", DType::f32, std::array{x, bias});
  const Value product = *b.emit("mul", DType::f32, std::array{sum, slope});
  const Value y = *b.emit("max", DType::f32, std::array{product, *b.constant(DType::f32, 0)});
  return *b.finish(std::array{y, sum});
}

TEST(Pointwise, LayoutsAndBroadcasts) {
  const VectorProgram p = affine();
  const std::vector<std::vector<int>> orders = {{}, {0, 2, 3, 1}, {3, 2, 1, 0}};
  for (const Level level : levels())
    for (const std::vector<std::int64_t>& extents :
         std::vector<std::vector<std::int64_t>>{{2, 3, 5, 7},
                                                {1, 64, 3, 3},
                                                {3, 17, 1, 33},
                                                {2, 0, 3, 4},
                                                {1, 1, 1, 1},
                                                {1, 2, 40, 31}})
      for (const auto& order : orders)
        for (const std::vector<int>& repeat :
             std::vector<std::vector<int>>{{}, {0, 2, 3}, {0, 1, 2, 3}, {3}})
          for (int parts = 1; parts <= 3; ++parts) {
            Box<float> x(extents, order), bias(extents, order, 1, repeat),
                slope(extents, {}, 2, {1});
            Box<float> y(extents, order), sum(extents, orders[1]);
            fill_uniform(x.data, 1);
            fill_uniform(bias.data, 2);
            fill_uniform(slope.data, 3);
            x.flip(2);
            run_step(PointwiseStep{p}, {x.view, bias.view, slope.view}, {y.view, sum.view},
                     {x.address(), bias.address(), slope.address()}, {y.address(), sum.address()},
                     level, parts);
            for (std::int64_t i = 0; i < x.count(); ++i) {
              ASSERT_EQ(sum[i], x[i] + bias[i]);
              ASSERT_EQ(y[i], std::max((x[i] + bias[i]) * slope[i], 0.0F));
            }
          }
}

TEST(Pointwise, InPlace) {
  // Both operands are read after the first instruction could already have written.
  VectorBuilder b;
  const Value x = *b.input(DType::f32), z = *b.input(DType::f32);
  const Value s = *b.emit("sub", DType::f32, std::array{x, z});
  const Value t = *b.emit("div", DType::f32, std::array{x, z});
  const auto p = b.finish(std::array{s, *b.emit("mul", DType::f32, std::array{t, x})});
  for (const Level level : levels())
    for (const std::int64_t n : {1, 15, 16, 33, 512, 513, 1500}) {
      std::vector<float> a(static_cast<std::size_t>(n)), c(a.size());
      fill_uniform(a, 4);
      fill_uniform(c, 5);
      const std::vector<float> a0 = a, c0 = c;
      const View v = View::row_major(DType::f32, std::array{n});
      run_step(PointwiseStep{*p}, {v, v}, {v, v}, {a.data(), c.data()}, {a.data(), c.data()},
               level);
      for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(a[i], a0[i] - c0[i]);
        ASSERT_EQ(c[i], a0[i] / c0[i] * a0[i]);
      }
    }
}

TEST(Pointwise, ResultsWithoutInstructions) {
  VectorBuilder b;
  const Value x = *b.input(DType::f32);
  const Value c = *b.constant(DType::i64, 5);
  const auto p = b.finish(std::array{x, c, x});
  ASSERT_TRUE(p);
  for (const Level level : levels()) {
    Box<float> from({5, 50}, {}, 1, {1}), to({5, 50}), again({5, 50}, {1, 0});
    Box<std::int64_t> five({5, 50});
    fill_uniform(from.data, 1);
    run_step(PointwiseStep{*p}, {from.view}, {to.view, five.view, again.view}, {from.address()},
             {to.address(), five.address(), again.address()}, level, 2);
    for (std::int64_t i = 0; i < 250; ++i) {
      ASSERT_EQ(to[i], from[i]);
      ASSERT_EQ(again[i], from[i]);
      ASSERT_EQ(five[i], 5);
    }
  }
}

TEST(Pointwise, FusesPairs) {
  VectorBuilder b;
  const Value x = *b.input(DType::f32), y = *b.input(DType::f32);
  const Value high = *b.constant(DType::f32, std::bit_cast<std::uint32_t>(6.0F));
  const Value m = *b.emit("mul", DType::f32, std::array{x, y});
  const Value a = *b.emit("add", DType::f32, std::array{y, m});
  const Value low = *b.emit("max", DType::f32, std::array{a, *b.constant(DType::f32, 0)});
  const Value cut = *b.emit("min", DType::f32, std::array{high, low});
  const Value s = *b.emit("sigmoid", DType::f32, std::array{cut});
  const auto p = b.finish(std::array{*b.emit("mul", DType::f32, std::array{cut, s})});
  ASSERT_TRUE(p);
  ASSERT_EQ(p->instructions.size(), 3U);
  EXPECT_EQ(p->instructions[0].op, VectorOp::muladd);
  EXPECT_EQ(p->instructions[1].op, VectorOp::clamp);
  EXPECT_EQ(p->instructions[2].op, VectorOp::silu);
  EXPECT_EQ(p->registers, 1);
  for (const Level level : levels()) {
    std::vector<float> u(100), v(100);
    fill_uniform(u, 1);
    fill_uniform(v, 2);
    const auto z = run<float>(*p, level, u, v);
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double c = std::clamp(std::fma(double{u[i]}, double{v[i]}, double{v[i]}), 0.0, 6.0);
      ASSERT_NEAR(z[i], c / (1 + std::exp(-c)), 3e-6);
    }
  }
}

TEST(Pointwise, Blocks) {
  const VectorProgram p = affine();
  std::vector<std::byte> scratch(block_scratch(p) + 64);
  auto* aligned = reinterpret_cast<std::byte*>(
      (reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
  for (const Level level : levels())
    for (const std::int64_t rows : {1, 2, 6, 33})
      for (const std::int64_t columns : {1, 15, 16, 17, 48, 64, 100, 512, 513, 1100})
        for (const std::int64_t gap : {0, 5}) {
          const std::int64_t row = columns + gap;
          std::vector<float> x(static_cast<std::size_t>(rows * row)),
              bias(static_cast<std::size_t>(columns)), slope(static_cast<std::size_t>(2 * rows)),
              y(x.size(), 7), sum;
          fill_uniform(x, 1);
          fill_uniform(bias, 2);
          fill_uniform(slope, 3);
          sum = x;  // in place
          const BlockInput in[] = {{sum.data(), row, 1}, {bias.data(), 0, 1}, {slope.data(), 2, 0}};
          const BlockOutput out[] = {{y.data(), row, 1}, {sum.data(), row, 1}};
          run_block(p, level, rows, columns, in, out, aligned);
          for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t c = 0; c < row; ++c) {
              const auto i = static_cast<std::size_t>(r * row + c);
              if (c >= columns) {
                ASSERT_EQ(y[i], 7);
                ASSERT_EQ(sum[i], x[i]);
                continue;
              }
              const float want = x[i] + bias[static_cast<std::size_t>(c)];
              ASSERT_EQ(sum[i], want);
              ASSERT_EQ(y[i], std::max(want * slope[static_cast<std::size_t>(2 * r)], 0.0F));
            }
        }
}

TEST(Pointwise, RowsThatAreJoined) {
  // x + bias * slope: bias a half by column, slope by column at a stride.
  VectorBuilder b;
  const Value x = *b.input(DType::f32), half = *b.input(DType::f16), slope = *b.input(DType::f32);
  const Value bias = *b.emit("cast", DType::f32, std::array{half});
  const Value product = *b.emit("mul", DType::f32, std::array{bias, slope});
  const auto p = b.finish(std::array{*b.emit("sub", DType::f32, std::array{x, product})});
  ASSERT_TRUE(p);
  std::vector<std::byte> scratch(block_scratch(*p) + 64);
  auto* aligned = reinterpret_cast<std::byte*>(
      (reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
  for (const Level level : levels())
    for (const std::int64_t rows : {1, 2, 3, 16, 31, 500})
      for (const std::int64_t columns : {1, 3, 8, 20, 24, 33, 64, 100, 250, 257, 600}) {
        std::vector<float> v(static_cast<std::size_t>(rows * columns)),
            s(static_cast<std::size_t>(2 * columns));
        std::vector<F16> h(static_cast<std::size_t>(columns));
        fill_uniform(v, 1);
        fill_uniform(s, 2);
        for (std::size_t i = 0; i < h.size(); ++i) h[i] = float_to_f16(static_cast<float>(i) / 8);
        const std::vector<float> before = v;
        const BlockInput in[] = {{v.data(), columns, 1}, {h.data(), 0, 1}, {s.data(), 0, 2}};
        const BlockOutput out[] = {{v.data(), columns, 1}};
        run_block(*p, level, rows, columns, in, out, aligned);
        for (std::size_t i = 0; i < v.size(); ++i) {
          const std::size_t c = i % static_cast<std::size_t>(columns);
          ASSERT_EQ(v[i], before[i] - to_float(h[c]) * s[2 * c])
              << rows << " x " << columns << " at " << i;
        }
      }
}

TEST(Pointwise, FusesWholeActivations) {
  const auto value = [](VectorBuilder& b, float v) {
    return *b.constant(DType::f32, std::bit_cast<std::uint32_t>(v));
  };
  const auto emit = [](VectorBuilder& b, std::string_view op, std::initializer_list<Value> args) {
    return *b.emit(op, DType::f32, std::span(args.begin(), args.size()));
  };
  const auto make = [&](VectorOp op) {
    VectorBuilder b;
    const Value x = *b.input(DType::f32);
    Value y;
    if (op == VectorOp::gelu) {
      const Value e = emit(b, "erf", {emit(b, "div", {x, value(b, 1.41421356F)})});
      y = emit(b, "mul", {emit(b, "mul", {x, emit(b, "add", {e, value(b, 1)})}), value(b, 0.5F)});
    } else if (op == VectorOp::gelu_tanh) {
      const Value cube = emit(b, "mul", {emit(b, "mul", {x, x}), x});
      const Value line = emit(b, "add", {x, emit(b, "mul", {value(b, 0.044715F), cube})});
      const Value t = emit(b, "tanh", {emit(b, "mul", {value(b, 0.79788456F), line})});
      y = emit(b, "mul", {emit(b, "mul", {value(b, 0.5F), x}), emit(b, "add", {value(b, 1), t})});
    } else if (op == VectorOp::hard_swish) {
      const Value line = emit(b, "add", {emit(b, "mul", {x, value(b, 1 / 6.0F)}), value(b, 0.5F)});
      y = emit(b, "mul", {x, emit(b, "min", {value(b, 1), emit(b, "max", {line, value(b, 0)})})});
    } else if (op == VectorOp::leaky) {
      const Value zero = value(b, 0);
      y = *b.emit("select", DType::f32,
                  std::array{*b.emit("lt", DType::boolean, std::array{x, zero}),
                             emit(b, "mul", {x, value(b, 0.25F)}), x});
    } else {
      y = emit(b, "max", {emit(b, "add", {x, value(b, 2)}), value(b, 0)});
    }
    return *b.finish(std::span(&y, 1));
  };
  const auto want = [](VectorOp op, double x) {
    if (op == VectorOp::gelu) return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    if (op == VectorOp::gelu_tanh)
      return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    if (op == VectorOp::hard_swish) return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    if (op == VectorOp::leaky) return x < 0 ? x / 4 : x;
    return std::max(x + 2, 0.0);
  };
  std::vector<float> x(1000);
  fill_uniform(x, 1, -8, 8);
  for (const VectorOp op : {VectorOp::gelu, VectorOp::gelu_tanh, VectorOp::hard_swish,
                            VectorOp::leaky, VectorOp::addmax}) {
    const VectorProgram p = make(op);
    ASSERT_EQ(p.instructions.size(), 1U) << vector_op_name(op);
    EXPECT_EQ(p.instructions[0].op, op);
    for (const Level level : levels()) {
      const auto y = run<float>(p, level, x);
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], want(op, x[i]), 1e-6) << x[i];
    }
  }
}

TEST(VectorProgram, TablesHaveWhatIsSupported) {
  for (const Level level : {Level::v2, Level::v3, Level::v4})
    for (int op = 0; op < kVectorOps; ++op)
      for (int type = 0; type < kVectorTypes; ++type) {
        const auto o = static_cast<VectorOp>(op);
        if (o == VectorOp::cast) continue;  // has a table of its own
        EXPECT_EQ(tile_table(level).run[op][type] != nullptr,
                  supported(o, static_cast<VectorType>(type)))
            << vector_op_name(o) << " " << type;
      }
}

TEST(VectorProgram, SurvivesPackages) {
  const VectorProgram p = affine();
  const auto back = from_attribute(to_attribute(p), std::type_identity<VectorProgram>{});
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(*back, p);
  const auto empty =
      from_attribute(to_attribute(VectorProgram{}), std::type_identity<VectorProgram>{});
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->empty());
}

TEST(VectorProgram, BrokenPackagesAreRefusedOrRun) {
  std::mt19937 random(11);
  const AttributeValue whole = to_attribute(affine());
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    AttributeValue v = whole;
    auto& lists = std::get<AttributeValue::List>(v.value);
    auto* list = std::get_if<AttributeValue::List>(&lists[random() % lists.size()].value);
    if (list == nullptr || list->empty()) continue;
    AttributeValue& entry = (*list)[random() % list->size()];
    static constexpr const char* kWords[] = {"f64",    "i64",     "u64", "cast",  "neg",
                                             "select", "boolean", "x",   "narrow"};
    if (random() % 4 == 0)
      list->pop_back();
    else if (std::holds_alternative<Word>(entry.value))
      entry.value = Word{kWords[random() % std::size(kWords)]};
    else
      entry.value = static_cast<std::int64_t>(random() % 20) - 2;
    const auto p = from_attribute(v, std::type_identity<VectorProgram>{});
    if (!p.ok()) {
      ++refused;
      continue;
    }
    std::vector<std::vector<double>> memory(p->inputs.size() + p->outputs.size(),
                                            std::vector<double>(40, 1.5));
    std::vector<View> inputs, outputs;
    std::vector<const void*> in;
    std::vector<void*> out;
    for (std::size_t i = 0; i < p->inputs.size(); ++i) {
      inputs.push_back(View::row_major(p->inputs[i], std::array{std::int64_t{40}}));
      in.push_back(memory[i].data());
    }
    for (std::size_t i = 0; i < p->outputs.size(); ++i) {
      outputs.push_back(View::row_major(p->outputs[i], std::array{std::int64_t{40}}));
      out.push_back(memory[p->inputs.size() + i].data());
    }
    if (!p->empty()) run_step(PointwiseStep{*p}, inputs, outputs, in, out, levels().back());
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace gossamer::kernels
