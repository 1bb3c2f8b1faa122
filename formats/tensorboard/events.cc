#include "formats/tensorboard/events.h"

#include "absl/strings/str_cat.h"
#include "formats/metrics/utf8_text.h"
#include "formats/tensorboard/fields.h"
#include "formats/tensorboard/message.h"

namespace accelerate::tensorboard {
namespace {

Message event_at(double time, std::int64_t step) {
  Message message;
  message.number(event::kWallTime, time);
  // Protocol Buffers leave out what is zero.
  if (step != 0) message.integer(event::kStep, step);
  return message;
}

std::string summary_event(double time, std::int64_t step, const Message& value) {
  Message summary;
  summary.message(summary::kValue, value);
  return event_at(time, step).message(event::kSummary, summary).serialized();
}

Message metadata_for(absl::string_view plugin, absl::string_view content = {}) {
  Message data;
  data.bytes(plugin_data::kName, plugin);
  if (!content.empty()) data.bytes(plugin_data::kContent, content);
  return Message().message(metadata::kPluginData, data);
}

Message text_tensor(absl::string_view text, const Message& shape) {
  return Message()
      .integer(tensor::kType, tensor::kText)
      .message(tensor::kShape, shape)
      .bytes(tensor::kTexts, text);
}

struct ValueOf {
  const std::string& tag;

  Message operator()(double number) const {
    return Message().text(value::kTag, tag).single(value::kSimpleValue, static_cast<float>(number));
  }
  Message operator()(std::int64_t number) const { return (*this)(static_cast<double>(number)); }
  Message operator()(const std::string& text) const {
    Message one;
    one.message(shape::kDimension, Message().integer(dimension::kSize, 1));
    return Message()
        .text(value::kTag, absl::StrCat(tag, "/text_summary"))
        .message(value::kTensor, text_tensor(metrics::utf8_text(text), one))
        .message(value::kMetadata, metadata_for("text"));
  }
};

struct ParameterOf {
  Message operator()(bool value) const { return Message().integer(struct_value::kBool, value); }
  Message operator()(double value) const { return Message().number(struct_value::kNumber, value); }
  Message operator()(const std::string& value) const {
    return Message().text(struct_value::kText, value);
  }
};

std::string hparams_event(absl::string_view tag, double time, int field, const Message& info) {
  const std::string content = Message().message(field, info).serialized();
  return summary_event(time, 0,
                       Message()
                           .bytes(value::kTag, tag)
                           .message(value::kMetadata, metadata_for("hparams", content)));
}

}  // namespace

std::string version_event(double time) {
  Message source;
  source.bytes(source_metadata::kWriter, "accelerate");
  return event_at(time, 0)
      .bytes(event::kFileVersion, "brain.Event:2")
      .message(event::kSourceMetadata, source)
      .serialized();
}

std::string start_event(double time, std::int64_t step) {
  Message log;
  log.integer(session_log::kStatus, session_log::kStart);
  return event_at(time, step).message(event::kSessionLog, log).serialized();
}

std::string record_event(const metrics::Record& record) {
  Message summary;
  for (const auto& [name, each] : record.values) {
    summary.message(summary::kValue, std::visit(ValueOf{name}, each));
  }
  return event_at(record.time, record.step).message(event::kSummary, summary).serialized();
}

std::string histogram_event(const Place& place, const Histogram& histogram) {
  Message message;
  const auto number = [&message](int field, double value) {
    if (value != 0) message.number(field, value);
  };
  number(histogram::kMin, histogram.min);
  number(histogram::kMax, histogram.max);
  number(histogram::kCount, histogram.count);
  number(histogram::kSum, histogram.sum);
  number(histogram::kSumOfSquares, histogram.sum_of_squares);
  message.numbers(histogram::kLimits, histogram.limits);
  message.numbers(histogram::kCounts, histogram.counts);
  return summary_event(place.time, place.step,
                       Message().text(value::kTag, place.tag).message(value::kHistogram, message));
}

std::string image_event(const Place& place, const Image& size, absl::string_view png) {
  Message message;
  message.integer(image::kHeight, size.height)
      .integer(image::kWidth, size.width)
      .integer(image::kColorSpace, size.channels)
      .bytes(image::kEncoded, png);
  return summary_event(place.time, place.step,
                       Message().text(value::kTag, place.tag).message(value::kImage, message));
}

std::string session_start_event(const HyperParameters& parameters, absl::string_view group,
                                double time) {
  Message info;
  for (const auto& [name, each] : parameters) {
    info.message(session_start::kParameter,
                 Message()
                     .text(map_entry::kKey, name)
                     .message(map_entry::kValue, std::visit(ParameterOf{}, each)));
  }
  info.text(session_start::kGroupName, std::string(group)).number(session_start::kStartTime, time);
  return hparams_event("_hparams_/session_start_info", time, hparams::kSessionStart, info);
}

std::string session_end_event(double time) {
  Message info;
  info.integer(session_end::kStatus, session_end::kSuccess).number(session_end::kEndTime, time);
  return hparams_event("_hparams_/session_end_info", time, hparams::kSessionEnd, info);
}

std::string layout_event(const Layout& layout, double time) {
  Message message;
  for (const ChartGroup& group : layout) {
    Message category;
    category.text(category::kTitle, group.title);
    for (const Chart& each : group.charts) {
      Message multiline;
      for (const std::string& tag : each.tags) multiline.text(multiline::kTag, tag);
      category.message(
          category::kChart,
          Message().text(chart::kTitle, each.title).message(chart::kMultiline, multiline));
    }
    message.message(layout::kCategory, category);
  }
  return summary_event(time, 0,
                       Message()
                           .bytes(value::kTag, "custom_scalars__config__")
                           .message(value::kTensor, text_tensor(message.serialized(), Message()))
                           .message(value::kMetadata, metadata_for("custom_scalars")));
}

}  // namespace accelerate::tensorboard
