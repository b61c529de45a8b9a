#pragma once

#include <string>

#include "train_run.h"

namespace equipoise::program {

/// What a run came to, as JSON.
std::string train_document(const TrainResult& result);

}  // namespace equipoise::program
