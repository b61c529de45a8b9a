#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

using Builder = TensorId (*)(Graph&, std::string, TensorId, const ops::PoolOptions&);

OperationTest pool_test(const std::string& name, Builder builder, std::array<std::int64_t, 3> image,
                        ops::PoolOptions options) {
  return {.name = name,
          .build =
              [=](Graph& graph) {
                const TensorId x =
                    graph.add_input("x", {GraphShape::kBatch, image[0], image[1], image[2]});
                return builder(graph, "y", x, options);
              },
          .batch = 2,
          .fills = {{"x", {.distinct = true}}}};
}

OperationTest global_test(std::array<std::int64_t, 3> image) {
  return {
      .name = "global_average_pool/" + to_string(Shape{image[0], image[1], image[2]}),
      .build = [=](Graph& graph) {
        const TensorId x = graph.add_input("x", {GraphShape::kBatch, image[0], image[1], image[2]});
        return ops::global_average_pool(graph, "y", x);
      }};
}

}  // namespace

std::vector<OperationTest> pool_tests() {
  using ops::Edges;
  std::vector<OperationTest> tests = {
      global_test({3, 4, 5}),
      global_test({17, 7, 7}),
      global_test({20, 1, 1}),
      global_test({18, 13, 11}),  // longer than what is summed in f32
      pool_test(
          "average_pool/padding counts", ops::average_pool, {9, 5, 4},
          {.kernel = {3, 3}, .stride = {2, 2}, .padding = Edges::all(1), .count_padding = true}),
      pool_test("average_pool/four paddings count", ops::average_pool, {3, 5, 5},
                {.kernel = {3, 4},
                 .stride = {1, 2},
                 .padding = {.top = 2, .left = 0, .bottom = 1, .right = 3},
                 .count_padding = true}),
  };
  for (const auto& [operation, builder] :
       {std::pair{"max_pool/", Builder{ops::max_pool}},
        std::pair{"average_pool/", Builder{ops::average_pool}}}) {
    const auto test = [&](const std::string& name, std::array<std::int64_t, 3> image,
                          const ops::PoolOptions& options) {
      tests.push_back(pool_test(operation + name, builder, image, options));
    };
    test("2x2", {3, 4, 6}, {});
    test("2x2, odd image, 17 channels", {17, 5, 3}, {});
    test("3x3 stride 2 padded, 9 channels", {9, 6, 5},
         {.kernel = {3, 3}, .stride = {2, 2}, .padding = Edges::all(1)});
    test("3x3 stride 1, overlapping", {4, 5, 5}, {.kernel = {3, 3}, .stride = {1, 1}});
    test("5x5 stride 1 padded", {2, 5, 4},
         {.kernel = {5, 5}, .stride = {1, 1}, .padding = Edges::all(2)});
    test("stride beyond the kernel", {3, 7, 8}, {.kernel = {2, 2}, .stride = {3, 3}});
    test("kernel [1, 3], stride [2, 1]", {3, 5, 6}, {.kernel = {1, 3}, .stride = {2, 1}});
    test("asymmetric padding", {8, 4, 5},
         {.kernel = {3, 3}, .stride = {2, 2}, .padding = {.bottom = 1, .right = 2}});
    test("the whole image", {10, 3, 4}, {.kernel = {3, 4}, .stride = {1, 1}});
  }
  return tests;
}

}  // namespace equipoise::testing
