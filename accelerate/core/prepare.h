// Makes the session of an Accelerator, and chooses the handle that prepare() returns for an object.
//
// Part of the Accelerator; not for others.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "accelerate/core/prepared_model.h"
#include "accelerate/core/prepared_optimizer.h"
#include "accelerate/core/prepared_scheduler.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/engine/schedule_unit.h"
#include "accelerate/engine/session.h"
#include "accelerate/gradients/strategy_gradients.h"
#include "accelerate/sharding/sharded_strategy.h"

namespace accelerate::internal {

template <class T>
inline constexpr bool is_data_loader = false;
template <class Dataset, class Collate>
inline constexpr bool is_data_loader<DataLoader<Dataset, Collate>> = true;

template <class T>
inline constexpr bool is_shared_module = false;
template <class T>
inline constexpr bool is_shared_module<std::shared_ptr<T>> =
    std::is_base_of_v<torch::nn::Module, T>;

template <class T>
inline constexpr bool is_counted_schedule = false;
template <class T>
inline constexpr bool is_counted_schedule<CountedSchedule<T>> = true;

template <class T>
concept ModuleHolder = requires(T& value) {
  typename T::ContainedType;
  { value.ptr() } -> std::convertible_to<std::shared_ptr<typename T::ContainedType>>;
};

template <class T>
concept PlateauScheduler = std::is_base_of_v<ReduceLROnPlateau, T> ||
    std::is_base_of_v<torch::optim::ReduceLROnPlateauScheduler, T>;
template <class T>
concept AnyScheduler =
    std::is_base_of_v<Scheduler, T> || std::is_base_of_v<torch::optim::LRScheduler, T>;

template <class StrategyPolicy, class PrecisionPolicy>
std::shared_ptr<Session> make_session(const AcceleratorOptions& options) {
  return std::make_shared<Session>(StrategyPolicy::traits, PrecisionPolicy::traits, options,
                                   &StrategyPolicy::Gradients::make);
}

// A pointer to a part of the session that keeps the whole session alive.
template <class Part>
std::shared_ptr<Part> part_of(const std::shared_ptr<Session>& session, Part& part) {
  return std::shared_ptr<Part>(session, &part);
}

template <class Dataset, class Collate>
DataLoader<Dataset, Collate> prepare_loader(const std::shared_ptr<Session>& shared_session,
                                            const DataLoader<Dataset, Collate>& loader) {
  Session& session = *shared_session;
  // As a program may prepare it that calls its set-up twice.
  if (loader.is_placed_in(session.active_loaders().get())) return loader;
  const ProcessInfo& process = session.process();
  const DataLoaderOptions& options = loader.options();
  const bool is_ordered = options.shuffle || options.sampler || options.batch_sampler;
  return loader.placed({.rank = process.rank,
                        .world_size = process.world_size,
                        .split_batches = session.options().split_batches,
                        .even_batches = session.options().even_batches,
                        .device = process.device,
                        .communicator = part_of(shared_session, session.communicator()),
                        .active_loaders = session.active_loaders(),
                        .registration = session.register_once(loader.identity(), "data loader")},
                       is_ordered ? session.agree_on_seed(options.seed) : options.seed.value_or(0));
}

template <class Schedule>
auto prepare_schedule(const std::shared_ptr<Session>& session, Schedule& schedule,
                      ScheduleUnit unit) {
  const auto schedules = part_of(session, session->schedules());
  auto token = session->register_once(&schedule, kScheduler);
  if constexpr (PlateauScheduler<Schedule>) {
    return PreparedPlateauScheduler(schedules, std::move(token), schedule, unit);
  } else {
    static_assert(AnyScheduler<Schedule>,
                  "counted_in_updates() and counted_in_epochs() take schedulers");
    return PreparedScheduler(schedules, std::move(token), schedule, unit);
  }
}

// `T` is deduced as for std::forward: it is a reference if the object is an lvalue.
template <class T>
auto prepare_one(const std::shared_ptr<Session>& session, T&& object) {
  using Object = std::remove_cvref_t<T>;
  constexpr bool named = std::is_lvalue_reference_v<T>;
  const auto models = part_of(session, session->models());
  if constexpr (is_data_loader<Object>) {
    return prepare_loader(session, object);
  } else if constexpr (is_shared_module<Object>) {
    return PreparedModel<typename Object::element_type>(models, object, /*owned=*/true);
  } else if constexpr (ModuleHolder<Object>) {
    return PreparedModel<typename Object::ContainedType>(models, object.ptr(), /*owned=*/true);
  } else if constexpr (std::is_base_of_v<torch::nn::Module, Object>) {
    static_assert(
        named,
        "prepare(): this module would be gone at once; keep it in a variable, or in a shared_ptr");
    // The user owns the object, so this pointer must not delete it.
    return PreparedModel<Object>(models, std::shared_ptr<Object>(std::shared_ptr<void>(), &object),
                                 /*owned=*/false);
  } else if constexpr (std::is_base_of_v<torch::optim::Optimizer, Object>) {
    static_assert(named,
                  "prepare(): the handle refers to your optimizer; keep that in a variable, which "
                  "outlives the handle");
    return PreparedOptimizer(part_of(session, session->updates()), object);
  } else if constexpr (is_counted_schedule<Object>) {
    return prepare_schedule(session, object.schedule, object.unit);
  } else if constexpr (PlateauScheduler<Object> || AnyScheduler<Object>) {
    static_assert(named,
                  "prepare(): the handle refers to your scheduler; keep that in a variable, which "
                  "outlives the handle");
    return prepare_schedule(session, object, ScheduleUnit::kBatches);
  } else {
    static_assert(!sizeof(Object),
                  "prepare() takes LibTorch modules (by holder, shared_ptr or reference), "
                  "optimizers and schedulers, "
                  "accelerate::DataLoader and the schedulers of accelerate/optim");
  }
}

}  // namespace accelerate::internal
