#include "accelerate/gradients/gradient_reducer.h"

#include <utility>

#include "accelerate/gradients/reducer_state.h"

namespace accelerate {

GradientReducer::GradientReducer(Communicator& communicator, std::vector<NamedParameter> parameters,
                                 const GradientOptions& options, const GradientNotes& notes)
    : state_(std::make_shared<State>(communicator, std::move(parameters), options, notes)) {
  state_->install_hooks();
}
GradientReducer::~GradientReducer() = default;

void GradientReducer::begin(bool eager) { state_->begin(eager); }
void GradientReducer::finish() { state_->finish(/*contributes=*/true); }
void GradientReducer::shadow() { state_->finish(/*contributes=*/false); }
void GradientReducer::abandon() { state_->abandon(); }

bool GradientReducer::is_under_way() const { return state_->is_under_way(); }
void GradientReducer::settle() { state_->settle(); }
void GradientReducer::restore_hooks() { state_->restore_hooks(); }
std::vector<at::Tensor> GradientReducer::travel_memory() const { return state_->travel_memory(); }
GradientNotes GradientReducer::notes() { return state_->notes(); }
void GradientReducer::forget_local_gradients() { state_->forget_local_gradients(); }
int64_t GradientReducer::rounds() const { return state_->rounds(); }
bool GradientReducer::empty() const { return state_->empty(); }
bool GradientReducer::is_synced(const at::Tensor& parameter) const {
  return state_->is_mean(parameter);
}
bool GradientReducer::has_local_gradients() const { return state_->has_local_gradients(); }
StepRight GradientReducer::may_step(const at::Tensor& parameter, int64_t stepped_at) const {
  return state_->may_step(parameter, stepped_at);
}

}  // namespace accelerate
