#include "accelerate/sharding/sharded_reducer_state.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "accelerate/gradients/copy_pieces.h"
#include "accelerate/gradients/wire_type.h"
#include "accelerate/layout/element_type.h"
#include "accelerate/sharding/cut_tensor.h"

namespace accelerate {
namespace {

// Units whose gradients travel at a time: while one is on its way, the next is packed.
constexpr size_t kUnderWay = 2;

// Those in units, unit by unit.
std::vector<NamedParameter> members_of(const ShardedParameters& store) {
  std::vector<NamedParameter> parameters;
  for (const ShardedParameters::Unit& unit : store.units()) {
    for (const size_t index : unit.members) parameters.push_back(store.parameters()[index]);
  }
  return parameters;
}

std::string refusal(const std::string& name) {
  return c10::str(
      "the gradient of `", name,
      "` is cut over the processes, and this process has only a part of it; for its values call "
      "accelerator.whole_gradient(parameter) on all processes, for norms "
      "accelerator.clip_grad_norm(), and to discard it zero_grad() of the prepared optimizer. To "
      "add to it, call accelerator.backward(loss) outside of no_sync(); if one backward pass "
      "computes a parameter's gradient in several steps, set gradients.overlap to false");
}

}  // namespace

ShardedReducer::State::State(Communicator& communicator, const ShardedParameters& store,
                             const GradientOptions& options, const GradientNotes& notes)
    : SyncedParameters(communicator, members_of(store), options, notes),
      aside_(parameters().size(), 0) {
  for (const ShardedParameters::Unit& unit : store.units()) {
    const c10::ScalarType type = unit.values.type();
    std::vector<PartPlace> places;
    for (const size_t index : unit.members)
      places.push_back(*store.place_of(store.parameters()[index].tensor));
    units_.push_back({.layout = &unit.layout,
                      .places = std::move(places),
                      .first = unit_of_.size(),
                      .wire_type = internal::wire_type(type, options.compression),
                      .part = FlatBuffer(type, unit.values.device()),
                      .parts = {},
                      .cuts = {}});
    unit_of_.insert(unit_of_.end(), unit.members.size(), units_.size() - 1);
    units_.back().part.reserve(unit.layout.part());
    allocate(units_.back());
  }
  if (!units_.empty())
    signal_ = at::zeros({1}, at::TensorOptions(units_[0].part.device()).dtype(at::kFloat));
}

void ShardedReducer::State::allocate(Unit& unit) {
  const int rank = communicator().rank();
  unit.part.allocate();
  unit.parts.clear();
  unit.cuts.clear();
  for (const PartPlace& place : unit.places) {
    const NamedParameter& parameter = parameters()[unit.first + unit.parts.size()];
    unit.parts.push_back(
        unit.part.slot(place.offset_of_rank(rank), {place.of_rank(rank).size()}, {1}));
    unit.cuts.push_back(make_cut_tensor(parameter.tensor.sizes(), unit.parts.back(), place,
                                        refusal(parameter.name)));
  }
}

const at::Tensor& ShardedReducer::State::cut_of(size_t parameter) const {
  const Unit& unit = units_[unit_of_[parameter]];
  return unit.cuts[parameter - unit.first];
}

bool ShardedReducer::State::is_own_cut(size_t parameter, const at::Tensor& gradient) const {
  // After set_data() it is a whole tensor of the program's.
  return is_cut(gradient) && gradient.is_same(cut_of(parameter));
}

bool ShardedReducer::State::is_mean(size_t parameter) const {
  const at::Tensor& gradient = tensor(parameter).grad();
  if (!gradient.defined()) return false;
  return is_own_cut(parameter, gradient) || is_lone_mean(parameter);
}

void ShardedReducer::State::begin(bool eager) {
  settle();
  restore_hooks();
  eager_ = eager && options().overlap;
  under_way_ = true;
  next_unit_ = 0;
  pending_.clear();
  ready_.assign(parameters().size(), 0);
  missing_.assign(units_.size(), 0);
  for (size_t i = 0; i < parameters().size(); ++i) {
    // One that was frozen gets none.
    if (tensor(i).requires_grad()) ++missing_[unit_of_[i]];
    at::Tensor& gradient = tensor(i).mutable_grad();
    aside_[i] = is_own_cut(i, gradient);
    // Autograd makes a new one.
    if (aside_[i]) gradient.reset();
  }
}

void ShardedReducer::State::on_gradient(size_t parameter) {
  if (!under_way_ || !eager_ || std::exchange(ready_[parameter], 1)) return;
  --missing_[unit_of_[parameter]];
  while (next_unit_ < units_.size() && missing_[next_unit_] == 0) launch(next_unit_);
}

at::Tensor ShardedReducer::State::take_wire(const Unit& unit) {
  const auto fits = [&](const at::Tensor& wire) {
    return wire.scalar_type() == unit.wire_type && wire.device() == unit.part.device() &&
           wire.numel() >= unit.layout->numel();
  };
  // The smallest of those.
  auto kept = wires_.end();
  for (auto wire = wires_.begin(); wire != wires_.end(); ++wire)
    if (fits(*wire) && (kept == wires_.end() || wire->numel() < kept->numel())) kept = wire;
  if (kept == wires_.end()) {
    // A larger one serves in its place.
    if (!wires_.empty()) wires_.pop_back();
    return at::empty({unit.layout->numel()},
                     at::TensorOptions(unit.part.device()).dtype(unit.wire_type));
  }
  at::Tensor wire = std::move(*kept);
  wires_.erase(kept);
  return wire;
}

void ShardedReducer::State::renew_if_held(Unit& unit) {
  bool is_held = false;
  for (size_t m = 0; m < unit.cuts.size(); ++m) {
    const bool is_gradient = tensor(unit.first + m).grad().is_same(unit.cuts[m]);
    is_held = is_held || unit.cuts[m].use_count() > (is_gradient ? 2 : 1) ||
              unit.cuts[m].storage().use_count() > 1 || !is_cut(unit.cuts[m]);
  }
  if (!is_held) return;
  const at::Tensor before = unit.part.whole();
  allocate(unit);
  // What is still added to.
  unit.part.whole().copy_(before);
}

void ShardedReducer::State::launch(size_t index) {
  c10::AutoGradMode no_grad(false);
  Unit& unit = units_[index];
  if (pending_.size() == kUnderWay) complete_first();
  renew_if_held(unit);
  const at::Tensor memory = take_wire(unit);
  const at::Tensor wire = memory.narrow(0, 0, unit.layout->numel());
  const kernels::ElementType type = *element_type(unit.wire_type);
  char* data = static_cast<char*>(wire.data_ptr());
  std::vector<at::Tensor> sources;
  std::vector<kernels::PackPiece> pieces;
  bool adds = false;
  for (size_t m = 0; m < unit.parts.size(); ++m) {
    const size_t i = unit.first + m;
    const PartPlace& place = unit.places[m];
    at::Tensor& gradient = tensor(i).mutable_grad();
    const void* source = nullptr;
    if (gradient.defined()) {
      TORCH_CHECK(gradient.layout() == at::kStrided, "the gradient of `", parameters()[i].name,
                  "` is sparse, which sharded strategies do not support; make its embedding dense "
                  "(EmbeddingOptions::sparse(false)), or train with --strategy=multi_cpu");
      check_type(i, gradient);
      warn_of_graph(gradient);
      sources.push_back(laid_out(gradient.detach(), tensor(i).sizes(), place.strides));
      source = sources.back().const_data_ptr();
    }
    pieces.push_back({.source = source,
                      .source_type = *element_type(unit.part.type()),
                      .destination = data + place.offset * kernels::size_of(type),
                      .count = place.numel,
                      .factor = communicator().mean_factor()});
    adds = adds || aside_[i];
  }
  internal::copy_pieces(pieces, type, unit.part.device());
  sources.clear();
  for (size_t m = 0; m < unit.parts.size(); ++m) {
    const size_t i = unit.first + m;
    at::Tensor& gradient = tensor(i).mutable_grad();
    if (gradient.defined() || aside_[i]) gradient = unit.cuts[m];
  }
  const int64_t part = unit.layout->part();
  at::Tensor received = adds || unit.wire_type != unit.part.type()
                            ? wire.narrow(0, communicator().rank() * part, part)
                            : unit.part.whole();
  PendingCollective collective = communicator().start_reduce_scatter_mean(
      wire, received, {.tag = static_cast<int64_t>(index)});
  pending_.push_back({index, std::move(collective), memory, received});
  ++next_unit_;
}

void ShardedReducer::State::complete_first() {
  c10::AutoGradMode no_grad(false);
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  Unit& unit = units_[pending.unit];
  pending.collective.wait();
  const auto members = aside_.begin() + static_cast<std::ptrdiff_t>(unit.first);
  const bool adds = std::any_of(members, members + static_cast<std::ptrdiff_t>(unit.parts.size()),
                                [](char is_aside) { return is_aside; });
  if (adds) {
    // What the others have there is of a step that is over.
    for (size_t m = 0; m < unit.parts.size(); ++m)
      if (!aside_[unit.first + m]) unit.parts[m].zero_();
    unit.part.whole().add_(pending.received);
  } else if (!pending.received.is_same(unit.part.whole())) {
    unit.part.whole().copy_(pending.received);
  }
  wires_.push_back(std::move(pending.wire));
}

void ShardedReducer::State::finish() {
  if (!under_way_) begin(/*eager=*/false);
  if (units_.empty()) {
    under_way_ = false;
    return;
  }
  while (next_unit_ < units_.size()) launch(next_unit_);
  signal_.fill_(presence().note(/*contributes=*/true) ? 1 : 0);
  PendingCollective signalling = communicator().start_mean(signal_);
  while (!pending_.empty()) complete_first();
  signalling.wait();
  under_way_ = false;
  if (signal_.is_cpu()) {
    take_signal(signal_.item<float>() != 0);
  } else {
    take_signal(signal_[0]);
  }
  for (size_t i = 0; i < parameters().size(); ++i) {
    note_local(i, false);
    at::Tensor& gradient = tensor(i).mutable_grad();
    if (!gradient.defined() && options().find_unused_parameters && presence().is_anywhere(i))
      gradient = cut_of(i);
  }
  end_round();
}

void ShardedReducer::State::abandon() {
  if (!std::exchange(under_way_, false)) return;
  // What has set off goes on writing, and its gradients are no longer those of one pass.
  pending_.clear();
  for (size_t u = 0; u < next_unit_; ++u) {
    for (size_t m = 0; m < units_[u].parts.size(); ++m) {
      at::Tensor& gradient = tensor(units_[u].first + m).mutable_grad();
      if (gradient.is_same(units_[u].cuts[m])) gradient.reset();
    }
    allocate(units_[u]);
  }
  for (size_t u = next_unit_; u < units_.size(); ++u) {
    for (size_t m = 0; m < units_[u].parts.size(); ++m) {
      const size_t i = units_[u].first + m;
      if (!aside_[i]) continue;
      at::Tensor& gradient = tensor(i).mutable_grad();
      // One that was added to has lost what it was added to.
      if (gradient.defined()) {
        gradient.reset();
        note_local(i, false);
      } else {
        gradient = units_[u].cuts[m];
      }
    }
  }
}

at::Tensor ShardedReducer::State::whole_gradient(const at::Tensor& parameter) {
  const at::Tensor& gradient = parameter.grad();
  return is_cut(gradient) ? gather_cut(communicator(), gradient) : gradient;
}

std::vector<at::Tensor> ShardedReducer::State::travel_memory() const {
  std::vector<at::Tensor> memory = wires_;
  for (const Unit& unit : units_) memory.push_back(unit.part.whole());
  return memory;
}

GradientNotes ShardedReducer::State::gathered_notes() {
  for (size_t i = 0; i < parameters().size(); ++i) {
    at::Tensor& gradient = tensor(i).mutable_grad();
    if (!is_cut(gradient)) continue;
    gradient = whole_gradient(tensor(i));
    note_lone_mean(i, gradient);
  }
  return notes();
}

}  // namespace accelerate
