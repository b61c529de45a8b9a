#include "ops/normalization_record.h"

#include <cassert>

namespace equipoise {
namespace {

constexpr std::int64_t kNumbersPerGroup = 8;

}  // namespace

std::vector<Moments> NormNotes::batch_moments() const {
  std::vector<Moments> moments;
  moments.reserve(groups.size());
  for (const NormGroup& group : groups) moments.push_back(group.batch);
  return moments;
}

Array pack(const NormNotes& notes) {
  Array record;
  std::vector<double>& values = record.values;
  values.push_back(static_cast<double>(notes.groups.size()));
  for (const NormGroup& group : notes.groups) {
    values.insert(values.end(), {group.batch.count, group.batch.mean, group.batch.m2, group.mean,
                                 group.rstd, group.batch_share, group.r, group.d});
  }
  values.insert(values.end(), notes.derivatives.begin(), notes.derivatives.end());
  record.shape = {record.size()};
  return record;
}

NormNotes unpack_norm_notes(const Array& record) {
  const auto count = static_cast<std::int64_t>(record[0]);
  const std::int64_t end = 1 + count * kNumbersPerGroup;
  assert(end <= record.size());
  NormNotes notes;
  for (std::int64_t i = 1; i < end; i += kNumbersPerGroup) {
    notes.groups.push_back(
        {.batch = {.count = record[i], .mean = record[i + 1], .m2 = record[i + 2]},
         .mean = record[i + 3],
         .rstd = record[i + 4],
         .batch_share = record[i + 5],
         .r = record[i + 6],
         .d = record[i + 7]});
  }
  notes.derivatives.assign(record.values.begin() + end, record.values.end());
  return notes;
}

}  // namespace equipoise
