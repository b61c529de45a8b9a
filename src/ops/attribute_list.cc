#include "ops/attribute_list.h"

#include <utility>

namespace equipoise {

AttributeList& AttributeList::add(std::string_view name, decltype(Attribute::value) value) {
  Attribute& attribute = list_.emplace_back();
  attribute.name = name;
  attribute.value = std::move(value);
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, const ops::Pair& value) {
  return add(name, as_list(value));
}

AttributeList& AttributeList::add(std::string_view name, const ops::Edges& value) {
  return add(name, as_list(value));
}

AttributeList& AttributeList::add(std::string_view name, const GraphShape& value) {
  return add(name, to_string(value));
}

std::vector<std::int64_t> as_list(const ops::Pair& pair) { return {pair[0], pair[1]}; }

std::vector<std::int64_t> as_list(const ops::Edges& edges) {
  return {edges.top, edges.left, edges.bottom, edges.right};
}

}  // namespace equipoise
