#include "accelerate/gradients/gradient_reducer.h"

#include <utility>

#include "accelerate/gradients/reducer_engine.h"

namespace accelerate {

GradientReducer::GradientReducer(Communicator& communicator, std::vector<NamedParameter> parameters,
                                 const GradientOptions& options, const GradientNotes& notes)
    : engine_(std::make_shared<Engine>(communicator, std::move(parameters), options, notes)) {
  engine_->install_hooks();
}
GradientReducer::~GradientReducer() = default;

void GradientReducer::begin(bool eager) { engine_->begin(eager); }
void GradientReducer::finish() { engine_->finish(/*contributes=*/true); }
void GradientReducer::shadow() { engine_->finish(/*contributes=*/false); }
void GradientReducer::abandon() { engine_->abandon(); }

bool GradientReducer::is_under_way() const { return engine_->is_under_way(); }
void GradientReducer::set_recording(bool recording) { engine_->set_recording(recording); }
void GradientReducer::restore_hooks() { engine_->restore_hooks(); }
GradientNotes GradientReducer::notes() { return engine_->notes(); }
void GradientReducer::forget_local_gradients() { engine_->forget_local_gradients(); }
int64_t GradientReducer::rounds() const { return engine_->rounds(); }
bool GradientReducer::empty() const { return engine_->empty(); }
bool GradientReducer::is_synced(const at::Tensor& parameter) const {
  return engine_->is_mean(parameter);
}
bool GradientReducer::has_local_gradients() const { return engine_->has_local_gradients(); }
StepRight GradientReducer::may_step(const at::Tensor& parameter, int64_t stepped_at) const {
  if (!engine_->contains(parameter)) return StepRight::kNotMine;
  // A program may replace a mean, but not do without one.
  const bool may = engine_->is_mean(parameter) ||
                   (!engine_->is_local(parameter) && engine_->rounds() != stepped_at);
  return may ? StepRight::kMay : StepRight::kNotSynced;
}

}  // namespace accelerate
