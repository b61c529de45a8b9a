#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// Collects what `Operation::attributes` returns.
class AttributeList {
 public:
  explicit AttributeList(std::vector<Attribute> list = {}) : list_(std::move(list)) {}

  AttributeList& add(std::string_view name, decltype(Attribute::value) value);
  /// As lists: {vertical, horizontal} and {top, left, bottom, right}.
  AttributeList& add(std::string_view name, const ops::Pair& value);
  AttributeList& add(std::string_view name, const ops::Edges& value);
  AttributeList& add(std::string_view name, const GraphShape& value);

  /// Nothing for a value that is the default.
  template <typename Value>
  AttributeList& add(std::string_view name, const Value& value, const Value& by_default) {
    return value == by_default ? *this : add(name, value);
  }

  const std::vector<Attribute>& list() const { return list_; }

 private:
  std::vector<Attribute> list_;
};

std::vector<std::int64_t> as_list(const ops::Pair& pair);
std::vector<std::int64_t> as_list(const ops::Edges& edges);

}  // namespace equipoise
