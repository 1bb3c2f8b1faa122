#include "accelerate/gradients/gradient_reducer.h"

#include <c10/util/Exception.h>

#include <utility>

#include "accelerate/gradients/reducer_engine.h"

namespace accelerate {

void check_gradient_options(const GradientOptions& options) {
  TORCH_CHECK(options.bucket_cap_mb > 0 && options.first_bucket_mb > 0,
              "gradients: bucket_cap_mb is ", options.bucket_cap_mb, " and first_bucket_mb ",
              options.first_bucket_mb, "; give positive numbers, as a rule 25 and 1");
}

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
int64_t GradientReducer::averagings() const { return engine_->averagings(); }
bool GradientReducer::empty() const { return engine_->empty(); }
bool GradientReducer::is_mean(const at::Tensor& parameter) const {
  return engine_->is_mean(parameter);
}
bool GradientReducer::has_local_gradients() const { return engine_->has_local_gradients(); }
bool GradientReducer::contains(const at::Tensor& parameter) const {
  return engine_->contains(parameter);
}
bool GradientReducer::is_local(const at::Tensor& parameter) const {
  return engine_->is_local(parameter);
}

}  // namespace accelerate
