#pragma once

#include "engine/plan.h"
#include "equipoise/plan_report.h"

namespace equipoise::engine {

PlanReport report(const Plan& plan);

}  // namespace equipoise::engine
