#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "equipoise/error.h"
#include "equipoise/run.h"

namespace equipoise {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

/// Whether TOML has a text as a number or truth value, so that it needs no quotation marks.
bool is_bare(std::string_view text) {
  if (text == "true" || text == "false") return true;
  const auto digits = [&text] {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    text.remove_prefix(count);
    return count;
  };
  const auto skip = [&text](std::string_view any) {
    const bool there = !text.empty() && any.find(text.front()) != std::string_view::npos;
    if (there) text.remove_prefix(1);
    return there;
  };
  skip("-");
  if (text.starts_with('0') && text.size() > 1 && is_digit(text[1])) return false;
  if (digits() == 0) return false;
  if (skip(".") && digits() == 0) return false;
  if (skip("eE")) {
    skip("+-");
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::string in_quotation_marks(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      result += fmt::format("\\u{:04X}", c);
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string value_text(const std::string& value) {
  return is_bare(value) ? value : in_quotation_marks(value);
}

/// A number of TOML's without what is there for readers: a + before it, a _ between two digits.
std::string without_ornaments(std::string_view text) {
  const auto has_digit = [&text](std::size_t i) { return i < text.size() && is_digit(text[i]); };
  std::string number;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_ornament = has_digit(i + 1) && ((text[i] == '+' && i == 0) ||
                                                  (text[i] == '_' && i > 0 && has_digit(i - 1)));
    if (!is_ornament) number += text[i];
  }
  return number;
}

/// UTF-8 of a character ("code point") that Unicode may have.
std::string utf8(std::uint32_t code) {
  const auto tail = [code](unsigned shift) {
    return static_cast<char>(0x80U | (code >> shift & 0x3FU));
  };
  const auto head = [code](unsigned mark, unsigned shift) {
    return static_cast<char>(mark | code >> shift);
  };
  if (code < 0x80) return {head(0, 0)};
  if (code < 0x800) return {head(0xC0, 6), tail(0)};
  if (code < 0x10000) return {head(0xE0, 12), tail(6), tail(0)};
  return {head(0xF0, 18), tail(12), tail(6), tail(0)};
}

/// Goes through a text of settings, character by character.
class Reader {
 public:
  Reader(std::string_view text, std::string_view where) : rest_(text), where_(where) {}

  std::vector<Setting> settings() {
    std::vector<Setting> settings;
    std::set<std::string> keys;
    for (skip_lines(); !rest_.empty(); skip_lines()) {
      Setting next{.key = key(), .values = {}, .line = line_};
      if (!keys.insert(next.key).second) fail(fmt::format("'{}' is set a second time", next.key));
      skip_blanks();
      if (!take('=')) fail(fmt::format("'{}' is not followed by '='", next.key));
      skip_blanks();
      next.values = values();
      skip_blanks();
      skip_comment();
      if (!rest_.empty() && !take('\n')) fail("there is more behind the value");
      settings.push_back(std::move(next));
    }
    return settings;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("'{}', line {}: {}", where_, line_, what));
  }

  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    if (wanted == '\n') ++line_;
    return true;
  }

  void skip_blanks() {
    while (take(' ') || take('\t') || take('\r')) {
    }
  }

  void skip_comment() {
    if (rest_.starts_with('#')) rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
  }

  void skip_lines() {
    do {
      skip_blanks();
      skip_comment();
    } while (take('\n'));
  }

  std::string key() {
    if (rest_.starts_with('[')) fail("it has a section; settings are `key = value`");
    const auto end = std::ranges::find_if_not(rest_, is_key_character);
    const auto length = static_cast<std::size_t>(end - rest_.begin());
    if (length == 0) fail("a line has to be `key = value`");
    std::string key(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return key;
  }

  std::vector<std::string> values() {
    if (!take('[')) return {value()};
    std::vector<std::string> list;
    for (skip_lines(); !take(']'); skip_lines()) {
      if (!list.empty() && !take(',')) fail("values of a list are separated by ','");
      skip_lines();
      if (take(']')) break;  // behind a last comma
      list.push_back(value());
    }
    return list;
  }

  std::string value() {
    if (take('"')) return basic_string();
    if (take('\'')) return literal_string();
    const auto end = std::ranges::find_if(rest_, [](char c) {
      return c == ',' || c == ']' || c == '#' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
    });
    const std::string text(rest_.begin(), end);
    std::string number = without_ornaments(text);
    if (!is_bare(number)) fail(fmt::format("'{}' is no number; a text has quotation marks", text));
    rest_.remove_prefix(text.size());
    return number;
  }

  std::string literal_string() {
    const std::size_t end = std::min(rest_.find('\''), rest_.find('\n'));
    if (end >= rest_.size() || rest_[end] == '\n') fail("a text has no end");
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string basic_string() {
    std::string text;
    while (!take('"')) {
      if (rest_.empty() || rest_.front() == '\n') fail("a text has no end");
      if (take('\\')) {
        text += escaped();
      } else {
        text += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    return text;
  }

  std::string escaped() {
    constexpr std::string_view kNames = "\"\\bfnrt";
    constexpr std::string_view kMeanings = "\"\\\b\f\n\r\t";
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (take(kNames[i])) return {kMeanings[i]};
    }
    if (take('u')) return character(4);
    if (take('U')) return character(8);
    fail(R"(behind a '\' may be one of " \ b f n r t, or u and four or U and eight digits)");
  }

  /// Of hexadecimal digits.
  std::string character(std::size_t digits) {
    const std::string text(rest_.substr(0, digits));
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
    const bool is_number =
        error == std::errc() && text.size() == digits && end == text.data() + digits;
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (!is_number || is_surrogate || code > 0x10FFFF) {
      fail(fmt::format("behind a '\\{}' have to be {} hexadecimal digits of a character",
                       digits == 4 ? 'u' : 'U', digits));
    }
    rest_.remove_prefix(digits);
    return utf8(code);
  }

  std::string_view rest_;
  std::string where_;
  int line_ = 1;
};

}  // namespace

std::vector<Setting> parse_settings(std::string_view text, std::string_view where) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return Reader(text, where).settings();
}

void check_keys(std::span<const Setting> settings, std::span<const std::string_view> keys,
                std::string_view where) {
  for (const Setting& setting : settings) {
    if (std::ranges::find(keys, setting.key) != keys.end()) continue;
    throw Error(fmt::format("'{}'{}: there is no setting '{}'{}", where,
                            setting.line > 0 ? fmt::format(", line {}", setting.line) : "",
                            setting.key, did_you_mean(setting.key, keys)));
  }
}

std::string to_text(const Setting& setting) {
  if (setting.values.size() == 1) {
    return fmt::format("{} = {}\n", setting.key, value_text(setting.values.front()));
  }
  std::string list;
  for (const std::string& value : setting.values) {
    list += (list.empty() ? "" : ", ") + value_text(value);
  }
  return fmt::format("{} = [{}]\n", setting.key, list);
}

}  // namespace equipoise
