/// What shape rules say of inputs that do not fit.

#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "ops/convolution.h"
#include "ops/sum_to.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kN = GraphShape::kBatch;
constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

/// A graph with an input per shape, called a, b, c.
class Inputs {
 public:
  explicit Inputs(std::initializer_list<GraphShape> shapes) {
    for (const GraphShape& shape : shapes) {
      const std::string name(1, static_cast<char>('a' + ids_.size()));
      ids_.push_back(graph_.add_input(name, shape));
    }
  }

  Graph& graph() { return graph_; }
  TensorId operator[](std::size_t i) const { return ids_[i]; }

  /// What is thrown; of what is not, "".
  std::string error(const std::function<void(Inputs&)>& build) {
    try {
      build(*this);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

 private:
  Graph graph_{"net"};
  std::vector<TensorId> ids_;
};

std::string convolution_error(const GraphShape& x, const GraphShape& weight,
                              const ops::ConvolutionOptions& options = {}) {
  return Inputs{x, weight}.error(
      [&](Inputs& in) { ops::convolution(in.graph(), "conv1", in[0], in[1], {}, options); });
}

TEST(ConvolutionErrors, NameNodeInputsAndShapes) {
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {4, 5, 3, 3}),
              AllOf(HasSubstr("net"), HasSubstr("conv1"), HasSubstr("convolution"),
                    HasSubstr("x has shape (N, 3, 8, 8), weight (4, 5, 3, 3)"),
                    HasSubstr("second dimension has to be 3")));
}

TEST(ConvolutionErrors, Ranks) {
  EXPECT_THAT(convolution_error({kN, 3, 8}, {4, 3, 3, 3}),
              HasSubstr("x has shape (N, 3, 8); it needs 4 dimensions"));
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {4, 3}),
              HasSubstr("weight has shape (4, 3); it needs 4 dimensions"));
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {kN, 3, 3, 3}),
              HasSubstr("weight has shape (N, 3, 3, 3); it cannot depend on the batch size"));
}

TEST(ConvolutionErrors, Groups) {
  EXPECT_THAT(convolution_error({kN, 6, 8, 8}, {4, 3, 3, 3}, {.groups = 4}),
              AllOf(HasSubstr("4 groups do not divide 6 channels of x"), HasSubstr("groups=4")));
  EXPECT_THAT(convolution_error({kN, 6, 8, 8}, {4, 2, 3, 3}, {.groups = 3}),
              HasSubstr("3 groups do not divide 6 channels of x and 4 of y"));
  EXPECT_THAT(convolution_error({kN, 6, 8, 8}, {4, 2, 3, 3}, {.groups = 0}), HasSubstr("0 groups"));
}

TEST(ConvolutionErrors, KernelBeyondTheImage) {
  EXPECT_THAT(convolution_error({kN, 3, 4, 8}, {4, 3, 5, 5}),
              AllOf(HasSubstr("(N, 3, 4, 8)"), HasSubstr("the kernel [5, 5]")));
  EXPECT_THAT(convolution_error({kN, 3, 4, 8}, {4, 3, 3, 3}, {.dilation = {2, 2}}),
              HasSubstr("dilation [2, 2]"));
  EXPECT_EQ(convolution_error({kN, 3, 4, 8}, {4, 3, 5, 5}, {.padding = {.bottom = 1}}), "");
}

TEST(ConvolutionErrors, OptionsOutOfRange) {
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {4, 3, 3, 3}, {.stride = {0, 1}}),
              HasSubstr("stride is [0, 1]; each of them has to be in [1, 2147483647]"));
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {4, 3, 3, 3}, {.padding = ops::Edges::all(-1)}),
              HasSubstr("padding is [-1, -1, -1, -1]"));
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {4, 3, 3, 3}, {.dilation = {1, kHuge}}),
              HasSubstr("dilation"));
  EXPECT_THAT(convolution_error({kN, 3, 8, 8}, {4, 3, 0, 3}), HasSubstr("kernel is [0, 3]"));
}

TEST(ConvolutionErrors, BiasOfAnotherSize) {
  Inputs in{{kN, 3, 8, 8}, {4, 3, 3, 3}, {3}};
  EXPECT_THAT(in.error([](Inputs& i) { ops::convolution(i.graph(), "conv1", i[0], i[1], i[2]); }),
              HasSubstr("bias has shape (3), weight (4, 3, 3, 3); bias has to be (4)"));
}

TEST(ConvolutionErrors, GradientsCheckTheirShapes) {
  Inputs in{{4, 3, 3, 3}, {kN, 4, 5, 5}};
  EXPECT_THAT(in.error([](Inputs& i) {
    i.graph().add_node(
        "conv1.dx",
        std::make_shared<ConvolutionDataGradient>(ops::ConvolutionOptions{}, ops::Pair{8, 8}),
        {i[0], i[1]});
  }),
              HasSubstr("dy has shape (N, 4, 5, 5); for x of shape (N, 3, 8, 8) it has to be "
                        "(N, 4, 6, 6)"));
}

TEST(LinearErrors, NameInputsAndShapes) {
  EXPECT_THAT(
      Inputs({{kN, 7}, {5, 8}}).error([](Inputs& i) { ops::linear(i.graph(), "fc", i[0], i[1]); }),
      AllOf(HasSubstr("'fc' (linear)"), HasSubstr("x has shape (N, 7), weight (5, 8)")));
  EXPECT_THAT(
      Inputs({{8}, {5, 8}}).error([](Inputs& i) { ops::linear(i.graph(), "fc", i[0], i[1]); }),
      HasSubstr("x has shape (8); it needs at least 2 dimensions"));
  EXPECT_THAT(Inputs({{kN, 8}, {5, 8}, {5, 1}}).error([](Inputs& i) {
    ops::linear(i.graph(), "fc", i[0], i[1], i[2]);
  }),
              HasSubstr("bias has shape (5, 1), weight (5, 8); bias has to be (5)"));
}

TEST(MatMulErrors, SayWhichDimensionsDiffer) {
  const auto error = [](const GraphShape& a, const GraphShape& b,
                        ops::Transposed b_transposed = ops::Transposed::kNo) {
    return Inputs{a, b}.error([&](Inputs& i) {
      ops::matmul(i.graph(), "qk", i[0], i[1], ops::Transposed::kNo, b_transposed);
    });
  };
  EXPECT_THAT(error({kN, 4, 5}, {kN, 4, 5}),
              AllOf(HasSubstr("'qk' (matmul)"), HasSubstr("a has shape (N, 4, 5), b (N, 4, 5)"),
                    HasSubstr("the 5 columns of a have to be as many as the 4 rows of b")));
  EXPECT_THAT(error({kN, 4, 5}, {kN, 5, 6}, ops::Transposed::kYes), HasSubstr("once transposed"));
  EXPECT_THAT(error({kN, 2, 4, 5}, {kN, 3, 5, 4}), HasSubstr("before the last two"));
  EXPECT_THAT(error({4, 5}, {kN, 5}, ops::Transposed::kYes),
              HasSubstr("N has to be the first dimension of the result"));
  EXPECT_THAT(error({5}, {5, 4}), HasSubstr("a has shape (5); it needs at least 2"));
}

TEST(BroadcastErrors, NameInputsAndShapes) {
  const auto error = [](const GraphShape& a, const GraphShape& b) {
    return Inputs{a, b}.error([](Inputs& i) { ops::add(i.graph(), "sum", i[0], i[1]); });
  };
  EXPECT_THAT(error({kN, 4, 5}, {kN, 3, 5}),
              AllOf(HasSubstr("'sum' (add)"), HasSubstr("a has shape (N, 4, 5), b (N, 3, 5)"),
                    HasSubstr("equal or 1")));
  EXPECT_THAT(error({kN, 4}, {8, 4}), HasSubstr("equal or 1"));
  EXPECT_THAT(error({kN, 5}, {4, 1, 5}), HasSubstr("N has to be the first dimension"));
  Inputs sum{{kN, 4}};
  EXPECT_THAT(sum.error([](Inputs& i) {
    i.graph().add_node("sum.da", std::make_shared<SumTo>(GraphShape{3}), {i[0]});
  }),
              HasSubstr("x has shape (N, 4); (3) does not broadcast to it"));
}

TEST(PoolErrors, PaddingAsWideAsTheKernel) {
  Inputs in{{kN, 3, 8, 8}};
  EXPECT_THAT(in.error([](Inputs& i) {
    ops::max_pool(i.graph(), "pool", i[0], {.padding = ops::Edges::all(2)});
  }),
              AllOf(HasSubstr("'pool' (max_pool"), HasSubstr("x has shape (N, 3, 8, 8)"),
                    HasSubstr("a window of 2×2"), HasSubstr("smaller than the kernel")));
  EXPECT_THAT(in.error([](Inputs& i) {
    ops::average_pool(i.graph(), "pool", i[0], {.kernel = {9, 9}});
  }),
              HasSubstr("the kernel [9, 9]"));
  EXPECT_THAT(
      Inputs({{kN, 3}}).error([](Inputs& i) { ops::global_average_pool(i.graph(), "pool", i[0]); }),
      HasSubstr("x has shape (N, 3); it needs 4 dimensions"));
}

TEST(ShapeErrors, Reshape) {
  const auto error = [](const GraphShape& from, const GraphShape& to) {
    return Inputs{from}.error([&](Inputs& i) { ops::reshape(i.graph(), "r", i[0], to); });
  };
  EXPECT_THAT(error({kN, 4, 5}, {kN, 21}),
              HasSubstr("x has shape (N, 4, 5), which cannot become (N, 21): that is 20 elements "
                        "per sample, and 21"));
  EXPECT_THAT(error({kN, 4}, {4, 4}), HasSubstr("the first dimension of both has to be N"));
}

TEST(ShapeErrors, Flatten) {
  const auto error = [](const GraphShape& shape, int first) {
    return Inputs{shape}.error([&](Inputs& i) { ops::flatten(i.graph(), "f", i[0], first); });
  };
  EXPECT_THAT(error({kN, 4}, 0), AllOf(HasSubstr("'f' (flatten)"), HasSubstr("(N, 4)")));
  EXPECT_THAT(error({kN, 4}, 2), HasSubstr("from dimension 2 on"));
  EXPECT_THAT(Inputs({}).error([](Inputs& i) { ops::flatten(i.graph(), "f", TensorId{}); }),
              HasSubstr("no tensor of this graph"));
}

TEST(ShapeErrors, Transpose) {
  const auto error = [](const GraphShape& shape, const std::vector<int>& permutation) {
    return Inputs{shape}.error(
        [&](Inputs& i) { ops::transpose(i.graph(), "t", i[0], permutation); });
  };
  EXPECT_THAT(error({kN, 4, 5}, {0, 1}),
              HasSubstr("x has shape (N, 4, 5); [0, 1] is no permutation of its 3 dimensions"));
  EXPECT_THAT(error({kN, 4, 5}, {0, 2, 2}), HasSubstr("no permutation"));
  EXPECT_THAT(error({kN, 4, 5}, {1, 0, 2}), HasSubstr("moves N"));
}

TEST(ShapeErrors, Concatenate) {
  const auto error = [](const GraphShape& a, const GraphShape& b, int axis) {
    return Inputs{a, b}.error([&](Inputs& i) {
      ops::concatenate(i.graph(), "cat", {{i[0], i[1]}}, axis);
    });
  };
  EXPECT_THAT(error({kN, 4, 5}, {kN, 4, 6}, 1),
              HasSubstr("it joins (N, 4, 5) and (N, 4, 6); all dimensions but 1"));
  EXPECT_THAT(error({kN, 4}, {kN, 4, 1}, 1), HasSubstr("it joins (N, 4) and (N, 4, 1)"));
  EXPECT_THAT(error({kN, 4}, {kN, 4}, 0), HasSubstr("the axis cannot be 0"));
  EXPECT_THAT(error({kN, 4}, {kN, 4}, 2), HasSubstr("it has no dimension 2"));
  EXPECT_NE(Inputs({}).error([](Inputs& i) { ops::concatenate(i.graph(), "cat", {}, 1); }), "");
}

TEST(ShapeErrors, Slice) {
  const auto error = [](std::int64_t begin, std::int64_t length) {
    return Inputs{{kN, 8, 3}}.error(
        [&](Inputs& i) { ops::slice(i.graph(), "s", i[0], 1, begin, length); });
  };
  EXPECT_THAT(error(6, 3), HasSubstr("x has shape (N, 8, 3); 3 elements from 6 on are not within "
                                     "the 8 of dimension 1"));
  EXPECT_NE(error(-1, 2), "");
  EXPECT_NE(error(2, 0), "");
  EXPECT_NE(error(2, kHuge), "");
  EXPECT_EQ(error(2, 6), "");
}

TEST(ShapeErrors, Pad) {
  const auto error = [](const GraphShape& shape, const ops::Edges& edges) {
    return Inputs{shape}.error([&](Inputs& i) { ops::pad(i.graph(), "p", i[0], edges); });
  };
  EXPECT_THAT(error({kN, 5}, ops::Edges::all(1)),
              HasSubstr("x has shape (N, 5); it needs 2 dimensions that can be padded"));
  EXPECT_THAT(error({kN, 3, 4}, {.top = -2, .bottom = -1}), HasSubstr("nothing or too much"));
  EXPECT_NE(error({kN, 3, 4}, {.top = kHuge}), "");
  EXPECT_NE(error({kN, 3, 4}, {.top = std::numeric_limits<std::int64_t>::min()}), "");
}

TEST(SoftmaxErrors, NameInputsAndShapes) {
  EXPECT_THAT(
      Inputs({{kN, 4, 5}, {kN, 4}}).error([](Inputs& i) {
        ops::softmax(i.graph(), "attention", i[0], i[1]);
      }),
      AllOf(HasSubstr("'attention' (softmax)"), HasSubstr("mask has shape (N, 4), x (N, 4, 5)")));
  EXPECT_THAT(Inputs({{kN}}).error([](Inputs& i) { ops::log_softmax(i.graph(), "y", i[0]); }),
              HasSubstr("x has shape (N); its last dimension has to be known"));
  EXPECT_THAT(Inputs({{kN, 4, 5}, {kN, 5}}).error([](Inputs& i) {
    ops::masked_mean(i.graph(), "pool", i[0], i[1]);
  }),
              HasSubstr("x has shape (N, 4, 5), mask (N, 5); mask has to be (N, 4)"));
}

TEST(DTypeErrors, NumbersAreNotComputedOfIndices) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4}, DType::kI32);
  try {
    ops::add(graph, "sum", x, x);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a is i32; it has to be f32"));
  }
}

}  // namespace
}  // namespace equipoise::testing
