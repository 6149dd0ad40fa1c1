// Differences, intervals and metrics against numbers computed by hand.
#include "measure/metric.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/test_folder.h"
#include "measure/difference.h"

namespace gossamer::measure {
namespace {

TEST(Difference, IsSignalToNoiseAndCosine) {
  Difference d;
  const std::vector<float> a = {3, 4, 0, 1}, b = {3, 3.5F, 0, 1};
  d.add(std::span(a), std::span(b));
  EXPECT_NEAR(d.snr_db(), 10 * std::log10(26 / 0.25), 1e-9);
  EXPECT_NEAR(d.cosine(), (9 + 14 + 1) / (std::sqrt(26.0) * std::sqrt(9 + 12.25 + 1)), 1e-9);
  EXPECT_EQ(d.max_abs(), 0.5);
  EXPECT_GT(d.kl(), 0);
}

TEST(Difference, OfEqualNumbersIsNone) {
  Difference d;
  const std::vector<float> a = {1, -2, 3, NAN};
  d.add(std::span(a), std::span(a));
  EXPECT_TRUE(std::isinf(d.snr_db()));
  EXPECT_EQ(d.noise_to_signal(), 0);
  EXPECT_NEAR(d.cosine(), 1, 1e-12);
  EXPECT_EQ(d.kl(), 0);
  EXPECT_EQ(d.not_finite(), 1);
}

TEST(ClassDivergence, TakesScoresAndDistributions) {
  ClassDivergence scores, shares;
  const std::vector<double> a = {0, std::log(3.0)}, b = {0, 0}, p = {0.25, 0.75}, q = {0.5, 0.5};
  scores.add(a, b, 2);
  shares.add(p, q, 2);
  const double want = 0.25 * std::log(0.5) + 0.75 * std::log(1.5);
  EXPECT_NEAR(scores.mean_kl(), want, 1e-12);
  EXPECT_NEAR(shares.mean_kl(), want, 1e-12);
}

TEST(Interval, IsWilsons) {
  // As tables of Wilson's interval have it.
  const Figure f = proportion(9, 10);
  EXPECT_NEAR(f.low, 0.5958, 1e-4);
  EXPECT_NEAR(f.high, 0.9821, 1e-4);
  EXPECT_EQ(proportion(10, 10).high, 1);
  EXPECT_NEAR(proportion(10, 10).low, 0.7225, 1e-4);
  EXPECT_EQ(proportion(0, 0).n, 0);
}

TEST(Interval, IsDrawnWhereSharesAreNoTrials) {
  std::vector<Share> shares, better;
  for (int i = 0; i < 400; ++i) {
    shares.push_back({i % 2 == 0 ? 1.0 : 3.0, 4});
    better.push_back({i % 2 == 0 ? 2.0 : 4.0, 4});
  }
  const Figure f = figure_of(shares);
  EXPECT_DOUBLE_EQ(f.value, 0.5);
  const double spread = 0.25 / std::sqrt(400.0) * 1.96;  // of the mean, by the normal distribution
  EXPECT_NEAR(f.low, 0.5 - spread, 0.006);
  EXPECT_NEAR(f.high, 0.5 + spread, 0.006);
  const Figure again = figure_of(shares);
  EXPECT_EQ(f.low, again.low);
  const Figure change = paired_difference(shares, better);
  EXPECT_DOUBLE_EQ(change.value, 0.25);
  EXPECT_NEAR(change.low, 0.25, 1e-9);  // every pair differs by as much
}

// --- metrics ---

Value row(std::vector<float> numbers) {
  const auto n = static_cast<std::int64_t>(numbers.size());
  return Tensor::of<float>(Shape({1, n}), std::span<const float>(numbers));
}

MetricTask task_of(std::vector<std::int64_t> extents,
                   std::vector<std::optional<std::string>> labels) {
  MetricTask task;
  task.outputs.push_back({"y", DType::f32, true, std::move(extents)});
  task.labels = std::move(labels);
  return task;
}

Result<MetricResult> judge(const std::string& text, const MetricTask& task,
                           const std::vector<std::pair<Value, Value>>& answers) {
  ASSIGN(const std::unique_ptr<Metric> metric, make_metric(text, task));
  for (std::size_t i = 0; i < answers.size(); ++i)
    TRY(metric->add(i, std::span(&answers[i].first, 1), std::span(&answers[i].second, 1)));
  return metric->finish();
}

TEST(Metric, TopCountsLabels) {
  const MetricTask task = task_of({1, 3}, {"0", "2", "1"});
  const std::vector<std::pair<Value, Value>> answers = {{row({3, 1, 2}), row({3, 1, 2})},
                                                        {row({3, 1, 2}), row({1, 2, 3})},
                                                        {row({3, 1, 2}), row({1, 2, 3})}};
  const auto one = judge("top1", task, answers), two = judge("topk:2", task, answers);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NEAR(one->a->value, 1 / 3.0, 1e-12);
  EXPECT_NEAR(one->b.value, 2 / 3.0, 1e-12);
  EXPECT_NEAR(one->change->value, 1 / 3.0, 1e-12);
  EXPECT_NEAR(two->a->value, 2 / 3.0, 1e-12);
  EXPECT_NEAR(two->b.value, 1, 1e-12);
  EXPECT_EQ(one->b.n, 3);
}

TEST(Metric, TopTakesNamesOfClasses) {
  MetricTask task = task_of({1, 2}, {"dog"});
  EXPECT_EQ(judge("top1", task, {}).status().code(), Code::usage);
  task.classes = {"cat", "dog"};
  const auto r = judge("top1", task, {{row({1, 2}), row({2, 1})}});
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r->a->value, 1);
  EXPECT_EQ(r->b.value, 0);
}

TEST(Metric, AgreementIsOfClassesOrSides) {
  const auto classes = judge("agreement", task_of({1, 2}, {{}, {}}),
                             {{row({1, 2}), row({3, 4})}, {row({1, 2}), row({2, 1})}});
  const auto sides = judge("agreement", task_of({1, 1}, {{}, {}}),
                           {{row({0.6F}), row({0.9F})}, {row({0.6F}), row({0.4F})}});
  ASSERT_TRUE(classes.ok() && sides.ok());
  EXPECT_EQ(classes->b.value, 0.5);
  EXPECT_EQ(sides->b.value, 0.5);
  EXPECT_FALSE(classes->a);
}

TEST(Metric, ErrorsAreOfAllNumbers) {
  const MetricTask task = task_of({1, 2}, {{}});
  const auto mse = judge("mse", task, {{row({0, 10}), row({1, 10})}});
  const auto psnr = judge("psnr", task, {{row({0, 10}), row({1, 10})}});
  ASSERT_TRUE(mse.ok() && psnr.ok());
  EXPECT_EQ(mse->b.value, 0.5);
  EXPECT_FALSE(mse->higher_is_better);
  EXPECT_NEAR(psnr->b.value, 10 * std::log10(100 / 0.5), 1e-9);
}

TEST(Metric, CtcSpellsAndCountsCharacters) {
  const TestFolder folder;
  folder.put("chars", "a\nb\n");
  // Four places; classes are blank, a, b, space: "ab", and "a" + blank + "a" + "b" = "aab".
  const auto text = [](std::vector<int> best) {
    std::vector<float> scores(best.size() * 4);
    for (std::size_t i = 0; i < best.size(); ++i)
      scores[i * 4 + static_cast<std::size_t>(best[i])] = 1;
    return Value(Tensor::of<float>(Shape({1, static_cast<std::int64_t>(best.size()), 4}),
                                   std::span<const float>(scores)));
  };
  const auto r =
      judge("ctc:" + folder.file("chars"), task_of({1, 4, 4}, {"ab", "a b"}),
            {{text({1, 1, 2, 2}), text({1, 0, 1, 2})}, {text({1, 3, 2, 0}), text({1, 3, 3, 2})}});
  ASSERT_TRUE(r.ok()) << r.status().message();
  EXPECT_EQ(r->a->value, 1);
  EXPECT_EQ(r->b.value, 4 / 5.0);  // one of five characters too many
}

TEST(Metric, RecallLooksAtNeighbors) {
  const MetricTask task = task_of({1, 2}, {"x", "x", "y", "y"});
  const auto r = judge("recall:1", task,
                       {{row({1, 0}), row({1, 0})},
                        {row({0.9F, 0.1F}), row({0, 1})},
                        {row({0, 1}), row({0.1F, 1})},
                        {row({0.1F, 0.9F}), row({1, 0.1F})}});
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r->a->value, 1);
  EXPECT_EQ(r->b.value, 0);
  const auto same = judge(
      "recall:1", task_of({1, 2}, {{}, {}, {}}),
      {{row({1, 0}), row({2, 0})}, {row({0.9F, 0.1F}), row({9, 1})}, {row({0, 1}), row({0, 7})}});
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->b.value, 1);
}

TEST(Metric, CommandsReadFiles) {
  const auto r = judge("command:sh -c 'ls \"$0\" | wc -l'", task_of({1, 2}, {{}, {}}),
                       {{row({1, 2}), row({1, 2})}, {row({1, 2}), row({1, 2})}});
  ASSERT_TRUE(r.ok()) << r.status().message();
  EXPECT_EQ(r->a->value, 2);
  EXPECT_EQ(r->b.value, 2);
  EXPECT_EQ(judge("command:true", task_of({1, 2}, {}), {}).status().code(), Code::usage);
}

TEST(Metric, RefusesBeforeTheWorkWhatCannotWork) {
  const MetricTask plain = task_of({1, 3}, {{}, {}});
  for (const char* text : {"top1", "topk:0", "topk:x", "recall:0", "best",
                           "command:", "command:no-such-command", "ctc:/no/such/file"})
    EXPECT_EQ(make_metric(text, plain).status().code(), Code::usage) << text;
  EXPECT_EQ(make_metric("top1", task_of({1, 3}, {"3"})).status().code(), Code::usage);
  EXPECT_EQ(make_metric("recall:1", task_of({1, 3}, {"a", "b"})).status().code(), Code::usage);
  MetricTask integers = plain;
  integers.outputs[0].dtype = DType::i64;
  EXPECT_EQ(make_metric("agreement", integers).status().code(), Code::usage);
  integers.outputs[0].dtype = DType::string;
  EXPECT_EQ(make_metric("mse", integers).status().code(), Code::usage);
}

}  // namespace
}  // namespace gossamer::measure
