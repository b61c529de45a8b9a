#pragma once

/// Marks what the library exports; everything else is compiled with hidden visibility. The same in
/// static and shared builds.
#define EQUIPOISE_API __attribute__((visibility("default")))
