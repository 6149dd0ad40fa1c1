// LSTM, GRU and RNN: one Recurrent each, permuted around for layout=1.
#include <algorithm>
#include <cctype>

#include "onnx/elementwise.h"
#include "reference/recurrent.h"

namespace gossamer::onnx {
namespace {

struct KnownActivation {
  std::string_view name;  // lower case
  RecurrentActivation kind;
  bool takes_alpha, takes_beta;
  float alpha, beta;  // unless given
};

constexpr KnownActivation kActivations[] = {
    {"sigmoid", RecurrentActivation::sigmoid, false, false, 0, 0},
    {"tanh", RecurrentActivation::tanh, false, false, 0, 0},
    {"relu", RecurrentActivation::relu, false, false, 0, 0},
    {"affine", RecurrentActivation::affine, true, true, 1, 0},
    {"leakyrelu", RecurrentActivation::leaky_relu, true, false, 0.01F, 0},
    {"thresholdedrelu", RecurrentActivation::thresholded_relu, true, false, 1, 0},
    {"scaledtanh", RecurrentActivation::scaled_tanh, true, true, 1, 1},
    {"hardsigmoid", RecurrentActivation::hard_sigmoid, true, true, 0.2F, 0.5F},
    {"elu", RecurrentActivation::elu, true, false, 1, 0},
    {"softsign", RecurrentActivation::softsign, false, false, 0, 0},
    {"softplus", RecurrentActivation::softplus, false, false, 0, 0},
};

// The functions by name; alphas and betas go, in order, to those that take one.
Status read_activations(Lowering& l, const std::vector<std::string>& defaults,
                        RecurrentAttributes& a) {
  std::vector<std::string> otherwise;
  for (int d = 0; d < a.directions(); ++d)
    otherwise.insert(otherwise.end(), defaults.begin(), defaults.end());
  ASSIGN(std::vector<std::string> names, l.strings_or("activations", otherwise));
  // RNN's default names two functions whatever the direction.
  if (names.size() > otherwise.size()) names.resize(otherwise.size());
  if (names.size() != otherwise.size())
    return l.wrong("attribute 'activations' must name " + std::to_string(otherwise.size()) +
                   " functions");
  ASSIGN(std::vector<float> alphas, l.floats_or("activation_alpha", {}));
  ASSIGN(std::vector<float> betas, l.floats_or("activation_beta", {}));
  std::size_t next_alpha = 0, next_beta = 0;
  for (std::string name : names) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
    const auto* known = std::find_if(std::begin(kActivations), std::end(kActivations),
                                     [&](const KnownActivation& k) { return k.name == name; });
    if (known == std::end(kActivations)) return l.wrong("unknown activation '" + name + "'");
    a.activations.push_back(known->kind);
    const bool own_alpha = known->takes_alpha && next_alpha < alphas.size();
    const bool own_beta = known->takes_beta && next_beta < betas.size();
    a.alpha.push_back(own_alpha ? alphas[next_alpha++] : known->alpha);
    a.beta.push_back(own_beta ? betas[next_beta++] : known->beta);
  }
  return {};
}

Result<RecurrentDirection> read_direction(Lowering& l) {
  ASSIGN(std::string name, l.string_or("direction", "forward"));
  if (name == "forward") return RecurrentDirection::forward;
  if (name == "reverse") return RecurrentDirection::reverse;
  if (name == "bidirectional") return RecurrentDirection::both;
  return l.wrong("attribute 'direction' must be forward, reverse or bidirectional");
}

Status lower_recurrent(Lowering& l, RecurrentAttributes a,
                       const std::vector<std::string>& defaults) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(a.direction, read_direction(l));
  TRY(read_activations(l, defaults, a));
  ASSIGN(a.clip, l.float_or("clip", 0));
  if (!(a.clip >= 0)) return l.wrong("attribute 'clip' must not be negative");
  ASSIGN(std::int64_t layout, l.int_or("layout", 0));
  if (layout != 0 && layout != 1) return l.wrong("attribute 'layout' must be 0 or 1");
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    ValueId v = l.has_input(i) ? l.input(i) : kNoValue;
    const bool batch_first = layout == 1 && (i == 0 || i == 5 || i == 6);
    if (v != kNoValue && batch_first) {
      ASSIGN(v, b.transpose(v, {1, 0, 2}));
    }
    operands.push_back(v);
  }
  const std::size_t results = a.cell == RecurrentCell::lstm ? 3 : 2;
  ASSIGN(std::vector<ValueId> r, b.add(kRecurrent, std::move(a), std::move(operands), results));
  for (std::size_t i = 0; i < results; ++i) {
    if (!l.has_output(i)) continue;
    if (layout == 1) {
      ASSIGN(r[i],
             b.transpose(r[i], i == 0 ? std::vector<int>{2, 0, 1, 3} : std::vector<int>{1, 0, 2}));
    }
    l.output(i, r[i]);
  }
  return {};
}

}  // namespace

Status lower_lstm(Lowering& l) {
  RecurrentAttributes a;
  a.cell = RecurrentCell::lstm;
  ASSIGN(std::int64_t coupled, l.int_or("input_forget", 0));
  a.coupled = coupled != 0;
  return lower_recurrent(l, std::move(a), {"Sigmoid", "Tanh", "Tanh"});
}

Status lower_gru(Lowering& l) {
  RecurrentAttributes a;
  a.cell = RecurrentCell::gru;
  ASSIGN(std::int64_t after, l.int_or("linear_before_reset", 0));
  a.reset_after = after != 0;
  return lower_recurrent(l, std::move(a), {"Sigmoid", "Tanh"});
}

Status lower_rnn(Lowering& l) {
  RecurrentAttributes a;
  a.cell = RecurrentCell::rnn;
  return lower_recurrent(l, std::move(a), {"Tanh"});
}

}  // namespace gossamer::onnx
