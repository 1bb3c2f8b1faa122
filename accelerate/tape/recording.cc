#include "accelerate/tape/recording.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <utility>

#include "accelerate/tape/recorder.h"
#include "accelerate/tape/recording_key.h"

namespace accelerate {
namespace {

using internal::CurrentRecorder;
using internal::kRecordingKey;
using internal::Recorder;

// Below everything that a step's operators go through.
void on_operator(const c10::OperatorHandle& op, c10::DispatchKeySet keys,
                 torch::jit::Stack* stack) {
  c10::impl::ExcludeDispatchKeyGuard below(kRecordingKey);
  Recorder* recorder = Recorder::current;
  const auto rest = keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kRecordingKey);
  if (recorder != nullptr && recorder->is_open()) return recorder->run(op, rest, stack);
  op.redispatchBoxed(rest, stack);
}

// kRecordingKey, of which the macro wants the name.
TORCH_LIBRARY_IMPL(_, Fake, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&on_operator>());
}

}  // namespace

Recording record(const std::vector<at::Tensor>& inputs, const std::function<void()>& step,
                 const RecordOptions& options) {
  Recording recording;
  Recorder recorder(recording, inputs, options);
  {
    const CurrentRecorder current(&recorder);
    c10::impl::IncludeDispatchKeyGuard notice(kRecordingKey);
    step();
  }
  recorder.end();
  return recording;
}

}  // namespace accelerate
