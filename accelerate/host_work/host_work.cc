#include "accelerate/host_work/host_work.h"

namespace accelerate {
namespace {

thread_local HostWorkRecorder* recorder_of_thread = nullptr;

}  // namespace

HostWorkRecorder* HostWorkRecorder::current() { return recorder_of_thread; }

HostWorkRecorder::Scope::Scope(HostWorkRecorder* recorder)
    : before_(std::exchange(recorder_of_thread, recorder)) {}
HostWorkRecorder::Scope::~Scope() { recorder_of_thread = before_; }

void refuse_recording(const char* what) {
  if (auto* recorder = HostWorkRecorder::current()) recorder->on_read(what);
}

bool host_has_values() {
  const auto* recorder = HostWorkRecorder::current();
  return recorder == nullptr || recorder->has_values();
}

}  // namespace accelerate
