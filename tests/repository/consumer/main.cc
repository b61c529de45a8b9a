// A program of somebody who has nothing but the installed package.
#include <equipoise/tensor.h>

int main() { return equipoise::size_of(equipoise::DType::kBF16) == 2 ? 0 : 1; }
