#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "norm/error_message.h"
#include "operations/evaluate.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Graph embedding_of_three() {
  Graph graph;
  const TensorId indices = graph.add_input("indices", {GraphShape::kBatch}, DType::kI32);
  ops::embedding(graph, "y", indices, graph.add_parameter("table", {3, 2}));
  return graph;
}

const Array kTable = array_of({3, 2}, {0, 1, 10, 11, 20, 21});

TEST(Embedding, TakesRows) {
  const Array y =
      evaluate(embedding_of_three(), "y",
               {{"indices", array_of({3}, {2, 0, 2})}, {"table", kTable}}, {.batch = 3});
  EXPECT_EQ(y.shape, (Shape{3, 2}));
  EXPECT_THAT(y.values, ElementsAre(20, 21, 0, 1, 20, 21));
}

TEST(Embedding, AnIndexOutOfRangeIsAnErrorOfTheRun) {
  for (const double index : {-1.0, 3.0}) {
    EXPECT_THAT(message_of([&] {
                  evaluate(embedding_of_three(), "y",
                           {{"indices", array_of({2}, {0, index})}, {"table", kTable}},
                           {.batch = 2});
                }),
                HasSubstr(index < 0 ? "has -1 at element 1; the table has the entries 0 to 2"
                                    : "has 3 at element 1; the table has the entries 0 to 2"));
  }
}

TEST(Embedding, ATableOfAnotherRankIsAnError) {
  Graph graph;
  const TensorId indices = graph.add_input("indices", {GraphShape::kBatch}, DType::kI32);
  const TensorId table = graph.add_parameter("table", {3});
  EXPECT_THAT(message_of([&] { ops::embedding(graph, "y", indices, table); }),
              HasSubstr("table has shape (3); it has to be (entries, features)"));
}

TEST(Embedding, IndicesAreIntegers) {
  Graph graph;
  const TensorId indices = graph.add_input("indices", {GraphShape::kBatch});
  const TensorId table = graph.add_parameter("table", {3, 2});
  EXPECT_THAT(message_of([&] { ops::embedding(graph, "y", indices, table); }),
              HasSubstr("indices is f32; it has to be i32"));
}

TEST(Embedding, AnIndexOutOfRangeIsAnErrorOfTheEngine) {
  Graph graph = embedding_of_three();
  graph.add_output(graph.tensor("y"));
  Session session(graph);
  const std::vector<std::int32_t> indices = {0, 3};
  EXPECT_THAT(message_of([&] {
                session.run({{"indices",
                              {.data = indices.data(), .shape = Shape{2}, .dtype = DType::kI32}}});
              }),
              HasSubstr("node 'y': embedding: indices (2) has 3 at element 1"));
}

}  // namespace
}  // namespace equipoise::testing
