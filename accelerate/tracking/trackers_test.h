// What the tests of trackers share. Part of these tests; not for others.
#pragma once

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "accelerate/comm/testing/world_test.h"
#include "accelerate/tracking/trackers.h"
#include "formats/metrics/jsonl_reader.h"
#include "formats/tensorboard/scalar_reader.h"
#include "testing/errors/warnings.h"

namespace accelerate {

class TrackersTest : public WorldTest {
 protected:
  TrackersTest() {
    // One folder for all ranks, which rank 0 makes.
    std::string folder = testing::TempDir() + "/trackers.XXXXXX";
    if (rank_ == 0) {
      EXPECT_NE(mkdtemp(folder.data()), nullptr);
    }
    folder_ = world_->broadcast_bytes(folder, 0);
    process_.rank = rank_;
    process_.world_size = size_;
  }

  std::unique_ptr<Trackers> make() { return std::make_unique<Trackers>(*world_, process_); }
  std::unique_ptr<Trackers> begin(const std::string& name = "run") {
    auto trackers = make();
    trackers->init(name, {{"lr", 0.1}, {"layers", 12}, {"name", "adam"}, {"flag", true}}, all());
    return trackers;
  }
  TrackingOptions all() const {
    return {.folder = folder_, .trackers = {"tensorboard", "jsonl", "csv"}};
  }
  std::string text_of(const std::string& file) const {
    std::ifstream stream(folder_ + "/" + file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // The bytes of TensorBoard's files.
  std::string events_of(const std::string& run) const {
    std::string all;
    for (const auto& file : std::filesystem::directory_iterator(folder_ + "/" + run))
      if (file.path().string().find("tfevents") != std::string::npos)
        all += text_of(run + "/" + file.path().filename().string());
    return all;
  }
  // The steps and values of a series, which all trackers have alike.
  std::vector<std::pair<int64_t, double>> series(const std::string& run, const std::string& name) {
    const auto lines = metrics::read_jsonl(folder_ + "/" + run + "/metrics.jsonl").value();
    const auto board = tensorboard::read_scalars(folder_ + "/" + run).value();
    std::vector<std::pair<int64_t, double>> points, shown;
    for (const auto& point : lines.series.at(name)) points.emplace_back(point.step, point.value);
    for (const auto& point : board.series.at(name)) shown.emplace_back(point.step, point.value);
    EXPECT_EQ(points, shown);
    return points;
  }

  std::string folder_;
  ProcessInfo process_;
};

}  // namespace accelerate
