#include "graph/operation.h"

#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"
#include "graph/differentiate.h"

namespace equipoise {

void Operation::differentiate(GradientWriter& writer) const {
  throw Error(
      fmt::format("graph '{}', node '{}': operation {} has no gradient; take that of what "
                  "comes behind it, or freeze the parameters before it",
                  writer.graph().name(), writer.node_name(), type()));
}

void fail_inference(const std::string& text) { throw Error(text); }

void require_rank(std::string_view name, const TensorType& type, int rank) {
  if (type.shape.rank() != rank) {
    fail_inference(
        fmt::format("{} has shape {}; it needs {} dimensions", name, to_string(type.shape), rank));
  }
}

void require_dtype(std::string_view name, const TensorType& type, DType dtype) {
  if (type.record || type.dtype != dtype) {
    fail_inference(fmt::format("{} is {}; it has to be {}", name,
                               type.record ? "a record" : to_string(type.dtype), to_string(dtype)));
  }
}

std::string describe(const Operation& operation) {
  std::string text(operation.type());
  const char* separator = "(";
  for (const Attribute& attribute : operation.attributes()) {
    text += fmt::format("{}{}=", std::exchange(separator, ", "), attribute.name);
    std::visit(
        [&](const auto& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::vector<std::int64_t>>) {
            text += fmt::format("[{}]", fmt::join(value, ", "));
          } else if constexpr (std::is_same_v<Value, double>) {
            // What was an f32 of 0.2 is 0.20000000298023224.
            const auto narrow = static_cast<float>(value);
            text += static_cast<double>(narrow) == value ? fmt::format("{}", narrow)
                                                         : fmt::format("{}", value);
          } else {
            text += fmt::format("{}", value);
          }
        },
        attribute.value);
  }
  return separator[0] == '(' ? text : text + ")";
}

}  // namespace equipoise
