#include "accelerate/sharding/sharded_reducer.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

#include "accelerate/sharding/sharded_reducer_state.h"

namespace accelerate {
namespace {

std::vector<NamedParameter> whole_of(const ShardedParameters& store) {
  std::vector<NamedParameter> parameters;
  for (const size_t index : store.whole()) parameters.push_back(store.parameters()[index]);
  return parameters;
}

}  // namespace

ShardedReducer::ShardedReducer(Communicator& communicator, const ShardedParameters& store,
                               const GradientOptions& options, const GradientNotes& notes)
    : state_(std::make_shared<State>(communicator, store, options, notes)) {
  state_->install_hooks();
  if (!store.whole().empty()) whole_.emplace(communicator, whole_of(store), options, notes);
}
ShardedReducer::~ShardedReducer() = default;

void ShardedReducer::begin(bool eager) {
  state_->begin(eager);
  // When the others have all set off, so that all ranks keep to one order.
  if (whole_) whole_->begin(/*eager=*/false);
}
void ShardedReducer::finish() {
  state_->finish();
  if (whole_) whole_->finish();
}
void ShardedReducer::shadow() {
  TORCH_CHECK(false,
              "in a sharded strategy, a process without data must still step its part of the "
              "parameters; give all processes the same number of batches (even_batches), or train "
              "with --strategy=multi_cpu or multi_gpu");
}
void ShardedReducer::abandon() {
  state_->abandon();
  if (whole_) whole_->abandon();
}
bool ShardedReducer::is_under_way() const { return state_->is_under_way(); }

StepRight ShardedReducer::may_step(const at::Tensor& parameter, int64_t stepped_at) const {
  const StepRight right = state_->may_step(parameter, stepped_at);
  if (right != StepRight::kNotMine || !whole_) return right;
  // Its rounds have other numbers.
  return whole_->may_step(parameter, stepped_at == rounds() ? whole_->rounds() : -1);
}
int64_t ShardedReducer::rounds() const {
  return state_->empty() && whole_ ? whole_->rounds() : state_->rounds();
}
bool ShardedReducer::is_synced(const at::Tensor& parameter) const {
  return state_->is_mean(parameter) || (whole_ && whole_->is_synced(parameter));
}
at::Tensor ShardedReducer::whole_gradient(const at::Tensor& parameter) {
  return state_->whole_gradient(parameter);
}

bool ShardedReducer::empty() const { return state_->empty() && !whole_; }
bool ShardedReducer::has_local_gradients() const {
  return state_->has_local_gradients() || (whole_ && whole_->has_local_gradients());
}
void ShardedReducer::forget_local_gradients() {
  state_->forget_local_gradients();
  if (whole_) whole_->forget_local_gradients();
}

void ShardedReducer::restore_hooks() {
  state_->restore_hooks();
  if (whole_) whole_->restore_hooks();
}
void ShardedReducer::settle() {
  state_->settle();
  if (whole_) whole_->settle();
}
std::vector<at::Tensor> ShardedReducer::travel_memory() const {
  std::vector<at::Tensor> memory = state_->travel_memory();
  if (!whole_) return memory;
  const std::vector<at::Tensor> more = whole_->travel_memory();
  memory.insert(memory.end(), more.begin(), more.end());
  return memory;
}
GradientNotes ShardedReducer::notes() {
  GradientNotes notes = state_->gathered_notes();
  if (!whole_) return notes;
  GradientNotes more = whole_->notes();
  notes.local.merge(more.local);
  notes.means.merge(more.means);
  notes.rounds = std::max(notes.rounds, more.rounds);
  return notes;
}

}  // namespace accelerate
