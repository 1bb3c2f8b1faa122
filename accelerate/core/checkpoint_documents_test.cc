// Checkpoints whose state.json somebody has changed, with the checksums that it needs then: all
// ranks are told what is wrong in it, and nothing is loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "accelerate/core/checkpoint_test_helpers.h"
#include "formats/checkpoints/commit.h"
#include "formats/checkpoints/verify.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

// A run that is further than its checkpoint, of which it refuses forgeries.
template <class Accelerator>
class Forgeries {
 public:
  Forgeries() : folder_(new_folder(run_.accelerator)), path_(folder_ + "/one") {
    run_.accelerator.register_for_checkpointing("seen", seen_, {.of_each_rank = true});
    run_.train(1);
    run_.accelerator.save_state(path_);
    text_ = content_of(path_ + "/state.json");
    run_.train(3);
    run_.accelerator.save_state(folder_ + "/before");
  }

  // What has been changed in no case, the run as it was before them included.
  ~Forgeries() {
    run_.accelerator.save_state(folder_ + "/after");
    for (const char* file : {"state.json", "model.safetensors", "optimizer.safetensors"})
      EXPECT_EQ(content_of(folder_ + "/before/" + file), content_of(folder_ + "/after/" + file));
  }

  const std::string& text() const { return text_; }

  // The message of a load, where the file holds this text.
  std::string message(const std::string& text) {
    auto& accelerator = run_.accelerator;
    accelerator.wait_for_everyone();
    if (accelerator.is_main_process()) {
      std::ofstream(path_ + "/state.json", std::ios::binary) << text;
      auto commit = checkpoints::read_commit(path_).value();
      for (auto& file : commit.files) {
        if (file.name != "state.json") continue;
        file.size = text.size();
        file.extents = {{.offset = 0, .size = text.size(), .crc32 = checkpoints::crc32(text)}};
      }
      EXPECT_TRUE(checkpoints::write_commit(path_, commit).ok());
    }
    accelerator.wait_for_everyone();
    return message_of([&] { accelerator.load_state(path_); });
  }

  std::string message(const std::function<void(json& document)>& change) {
    json document = json::parse(text_);
    change(document);
    return message(document.dump());
  }

  void expect(const std::function<void(json& document)>& change, const std::string& words) {
    EXPECT_THAT(message(change), AllOf(HasSubstr(path_), HasSubstr(words)));
  }

 private:
  WholeRun<Accelerator> run_{1};
  int8_t seen_ = 3;
  std::string folder_, path_, text_;
};

TEST(CheckpointDocument, IsRefusedWhereItsTextIsNoDocument) {
  Forgeries<Full> forged;
  const auto expect = [&](const std::string& text, const char* words) {
    EXPECT_THAT(forged.message(text), AllOf(HasSubstr("/one/state.json: "), HasSubstr(words)));
  };
  expect(forged.text().substr(0, forged.text().size() / 2), "it is not a JSON object");
  expect(std::string(100'000, '['), "it is not a JSON object");
  expect("[]\n", "it is not a JSON object");
  expect("{\"format\": 1}", "`format` is missing, or is not of the type string");
  expect("{\"a\": {\"b\": 1, \"b\": 2}}", "the name \"b\" appears twice");
  expect(forged.text().substr(0, forged.text().rfind('}')) + ", \"parts\": {}}",
         "the name \"parts\" appears twice");
}

TEST(CheckpointDocument, IsRefusedWithTheNameOfWhatIsWrong) {
  Forgeries<Full> forged;
  const auto set = [&](const std::string& part, const std::string& name, const json& value,
                       const char* words) {
    forged.expect([&](json& document) { document["parts"][part][name] = value; }, words);
  };
  set("progress", "step", -1, "`step` of the state is -1");
  set("progress", "epoch", 1.5, "`epoch` of the state is not an integer");
  set("progress", "epoch", uint64_t{1} << 63, "`parts.progress.epoch` is too large");
  set("progress", "epoch", nullptr, "`parts.progress.epoch` is not a number, a text or a tensor");
  set("progress", "numbers.best", json::array({1}),
      "`parts.progress.numbers.best` is not a number");
  set("progress", "numbers.best", {{"number", "NaN"}}, "is neither finite nor nan nor infinite");
  set("progress", "numbers.best", "0.5", "`best` of the state is not a number");
  set("data_loaders", "0.consumed", 97, "`consumed` of the loader's state is 97");
  set("data_loaders", "0.consumed", -1, "`consumed` of the state is -1");
  set("data_loaders", "0.next_epoch", int64_t{1} << 62, "`next_epoch` of the state is 4611");
  set("data_loaders", "0.version", 2, "is of version 2");
  set("accumulation", "position", -3, "accumulation: `position` of the state is -3");
  set("schedules", "0.advances", -1, "`0.advances` of the state is -1");
  set("schedules", "0.scheduler.rates", int64_t{1} << 62, "schedules: the state has no `rates.1`");
  set("schedules", "0.scheduler.last_epoch.0", {{"number", "nan"}}, "last_epoch is nan");
  set("optimizers", "0.group.0.lr", "fast", "`group.0.lr` of the state is not a number");
  set("optimizers", "0.groups", -1, "has -1 groups");
  set("optimizers", "0.state.0.weight.other", 1, "`other` of 0.weight is not a tensor");
  set("models", "3.more", 1, "more of model 3");

  const auto expect = [&](const std::function<void(json&)>& change, const char* words) {
    forged.expect(change, words);
  };
  expect([](json& all) { all["parts"].erase("progress"); }, "the state has no `epoch`");
  expect([](json& all) { all["parts"]["progress"] = 7; }, "`parts.progress` is not an object");
  expect([](json& all) { all["parts"] = json::array(); },
         "`parts` is missing, or is not of the type object");
  expect([](json& all) { all["version"] = 2; }, "it is of version 2");
  expect([](json& all) { all["objects"] = {1}; },
         "`objects` contains something that is not a name");
  expect([](json& all) { all["ranks"] = json::array(); }, "`ranks` has 0 ranks, but the run had");
  expect([](json& all) { all["ranks"][0] = 1; }, "`ranks.0` is not an object");
}

TEST(CheckpointDocument, IsRefusedWhereARankOfItIsDamaged) {
  Forgeries<Full> forged;
  const auto generator = [&](const char* member, const json& value, const char* words) {
    forged.expect([&](json& all) { all["ranks"].back()["generators"]["cpu"][member] = value; },
                  words);
  };
  generator("bytes", "*", "generators.cpu` has bytes that are not base64");
  generator("bytes", "AAAA", "generators.cpu` is a tensor of 3 bytes, which is not");
  generator("bytes", 1, "generators.cpu` is not a number, a text or a tensor");
  generator("dtype", "U1024", "is a tensor of an unknown type");
  generator("shape", {int64_t{1} << 62, 8}, "which is not what its shape needs");
  generator("shape", {-1}, "is a tensor with an impossible shape");
  generator("shape", "all", "is a tensor without a shape");
  generator("shape", json(std::vector<int>(100, 1)), "is a tensor without a shape");
  forged.expect(
      [](json& all) {
        all["ranks"].back()["generators"]["cpu"] = {
            {"dtype", "U8"}, {"shape", {3}}, {"bytes", "AAAA"}};
      },
      "generators: `cpu` of the state is not a state of this kind of random generator");
  forged.expect([](json& all) { all["ranks"].back()["objects.seen"]["value"] = "three"; },
                "seen: `value` of the state is not an integer");
  forged.expect([](json& all) { all["ranks"].back()["objects.seen"]["value"] = 1000; },
                "seen: the saved number is 1000, which the program's type cannot hold");
  forged.expect([](json& all) { all["ranks"].back().erase("generators"); },
                "generators: the checkpoint has none for rank");
}

TEST(CheckpointDocument, IsRefusedWhereALossScaleWouldMakeNothingOfGradients) {
  Forgeries<Half> forged;
  const auto set = [&](const char* name, const json& value, const char* words) {
    forged.expect([&](json& all) { all["parts"]["loss_scale"][name] = value; }, words);
  };
  set("scale", {{"number", "nan"}}, "`scale` of the loss scale's state is nan");
  set("scale", 0.0, "`scale` of the loss scale's state is 0");
  set("scale", 1e300, "`scale` of the loss scale's state is 1e+300");
  set("growth_tracker", -1, "`growth_tracker` of the state is -1");
}

}  // namespace
}  // namespace accelerate
