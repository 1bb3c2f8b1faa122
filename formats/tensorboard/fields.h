// Part of the event files; not for others. The numbers of the fields, from TensorBoard's .proto
// files (tensorboard/compat/proto, plugins/hparams, plugins/custom_scalar).
#pragma once

namespace accelerate::tensorboard {

namespace event {
inline constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7,
                     kSourceMetadata = 10;
}
namespace source_metadata {
inline constexpr int kWriter = 1;
}
namespace session_log {
inline constexpr int kStatus = 1;
inline constexpr int kStart = 1;  // A status.
}  // namespace session_log
namespace summary {
inline constexpr int kValue = 1;
}
namespace value {
inline constexpr int kTag = 1, kSimpleValue = 2, kImage = 4, kHistogram = 5, kTensor = 8,
                     kMetadata = 9;
}
namespace image {
inline constexpr int kHeight = 1, kWidth = 2, kColorSpace = 3, kEncoded = 4;
}
namespace metadata {
inline constexpr int kPluginData = 1;
}
namespace plugin_data {
inline constexpr int kName = 1, kContent = 2;
}
namespace histogram {
inline constexpr int kMin = 1, kMax = 2, kCount = 3, kSum = 4, kSumOfSquares = 5, kLimits = 6,
                     kCounts = 7;
}
namespace tensor {
inline constexpr int kType = 1, kShape = 2, kContent = 4, kFloats = 5, kDoubles = 6, kTexts = 8;
inline constexpr int kFloat = 1, kDouble = 2, kText = 7;  // Types.
}  // namespace tensor
namespace shape {
inline constexpr int kDimension = 2;
}
namespace dimension {
inline constexpr int kSize = 1;
}
namespace hparams {
inline constexpr int kSessionStart = 3, kSessionEnd = 4;
}
namespace session_start {
inline constexpr int kParameter = 1, kGroupName = 4, kStartTime = 5;
}
namespace session_end {
inline constexpr int kStatus = 1, kEndTime = 2;
inline constexpr int kSuccess = 1;  // A status.
}  // namespace session_end
namespace map_entry {
inline constexpr int kKey = 1, kValue = 2;
}
namespace struct_value {
inline constexpr int kNumber = 2, kText = 3, kBool = 4;
}
namespace layout {
inline constexpr int kCategory = 2;
}
namespace category {
inline constexpr int kTitle = 1, kChart = 2;
}
namespace chart {
inline constexpr int kTitle = 1, kMultiline = 2;
}
namespace multiline {
inline constexpr int kTag = 1;
}

}  // namespace accelerate::tensorboard
