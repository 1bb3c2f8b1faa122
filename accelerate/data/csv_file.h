// The rows of a CSV file as samples: some of its columns are the data, one is the target.
//
//   accelerate::CsvFile flowers("flowers.csv", {.features = {"length", "width"},
//                                               .target = "kind",
//                                               .target_type = accelerate::CsvTarget::kClass});
//   accelerate::DataLoader loader(flowers, {.batch_size = 32, .shuffle = true});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// The whole table is read by the constructor, into a float tensor [rows, features] and a target
// [rows] in int64 or float. A value that is not a number is an error that names file, line and
// column, and so is a missing value unless `fill` is given. csv_records.h describes how fields are
// written: quotes, spaces, line ends. The decimal separator is a point, whatever the locale.
//
// Read a second file with the same columns, such as the test data, by the names that the first one
// has found, so that columns and classes mean the same in both:
//
//   std::vector<accelerate::CsvColumn> columns(flowers.feature_names().begin(),
//                                              flowers.feature_names().end());
//   accelerate::CsvFile others("others.csv", {.features = columns,
//                                             .target = "kind",
//                                             .target_type = accelerate::CsvTarget::kClass,
//                                             .classes = flowers.class_names()});
//
// Not for features that are texts or dates (convert them to numbers first), nor for tables that do
// not fit into memory. A copy refers to the same tensors; reading from several threads is safe.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "accelerate/data/tensor_dataset.h"

namespace accelerate {

// A column by its name in the header, or by its number: from 0 upwards, or from -1, the last one,
// downwards.
using CsvColumn = std::variant<int64_t, std::string>;

// What the column of the target holds, and the type of its tensor.
enum class CsvTarget {
  kInteger,  // Whole numbers: int64.
  kFloat,    // Numbers: float.
  kClass,    // Texts, each of which gets a number: int64.
};

struct CsvOptions {
  // The columns of the data, in this order; if empty, all columns but the target.
  std::vector<CsvColumn> features = {};
  CsvColumn target = -1;
  CsvTarget target_type = CsvTarget::kInteger;
  // For kClass: the texts that stand for 0, 1 and so on. If empty, all that are found, sorted by
  // their bytes.
  std::vector<std::string> classes = {};
  char separator = ',';
  // Whether the first line names the columns.
  bool header = true;
  // Texts that mean a missing value, as an empty field does.
  std::vector<std::string> missing_words = {"NA", "N/A", "NaN", "nan", "NULL", "null"};
  // Replaces missing values of features, which are errors without it. A missing target is always an
  // error.
  std::optional<float> fill = std::nullopt;
};

class CsvFile : public torch::data::datasets::BatchDataset<CsvFile, torch::data::Example<>> {
 public:
  // Reads the file. Throws c10::Error if the file cannot be read, has no rows or rows of different
  // lengths, lacks a requested column, or has a value that is not a finite number of the type. The
  // message names the line and the column, if there is one.
  explicit CsvFile(const std::string& path, const CsvOptions& options = {});

  // Data [batch, features] in float and targets [batch].
  torch::data::Example<> get_batch(at::ArrayRef<size_t> rows) override {
    return rows_.get_batch(rows);
  }
  std::optional<size_t> size() const override { return rows_.size(); }

  // The whole table: [rows, features] in float, and [rows]. These are not copies: if you write to
  // them, later batches change.
  const at::Tensor& data() const { return data_; }
  const at::Tensor& target() const { return target_; }

  // The names of the features, in the order of data(); empty without a header.
  const std::vector<std::string>& feature_names() const { return feature_names_; }
  // What the numbers of the target stand for; empty unless target_type is kClass.
  const std::vector<std::string>& class_names() const { return class_names_; }

 private:
  struct Table;
  explicit CsvFile(Table table);

  std::vector<std::string> feature_names_;
  std::vector<std::string> class_names_;
  at::Tensor data_;
  at::Tensor target_;
  TensorDataset rows_;
};

}  // namespace accelerate
