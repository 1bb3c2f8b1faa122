// The one object through which a program trains on one process or many, in any precision.
//
//   template <class Accelerator>
//   void train(Accelerator& accelerator) {
//     auto [model, optimizer, loader] = accelerator.prepare(net, adamw, data_loader);
//     for (auto& batch : loader) {
//       optimizer.zero_grad();
//       accelerator.backward(loss_of(model(batch.data), batch.target));
//       optimizer.step();
//     }
//   }
//   ACCELERATE_MAIN(train)
//
// ACCELERATE_MAIN constructs it; a program with its own main() may construct one after it was
// launched. Methods that communicate with other ranks are collective: every rank must call them in
// the same order. Misuse throws c10::Error, and the message says what to do. Not thread-safe. Not
// for inference alone: a LibTorch module is all you need there.
#pragma once

#include <concepts>
#include <functional>
#include <iostream>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "accelerate/capture/captured_step.h"
#include "accelerate/checkpoint/model_files.h"
#include "accelerate/checkpoint/registered_object.h"
#include "accelerate/core/exchange.h"
#include "accelerate/core/find_executable_batch_size.h"
#include "accelerate/core/prepare.h"
#include "accelerate/core/release_memory.h"
#include "accelerate/core/split.h"
#include "accelerate/engine/scopes.h"
#include "accelerate/engine/session.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/precision/precision.h"
#include "accelerate/process/seed.h"
#include "accelerate/profile/profile.h"
#include "accelerate/strategy/strategy.h"
#include "launcher/flight_record/flight_recorder.h"

namespace accelerate {

template <class StrategyPolicy, class PrecisionPolicy>
class Accelerator {
  static_assert(Strategy<StrategyPolicy>,
                "Accelerator<Strategy, Precision>: the first argument is no strategy; use Cpu, "
                "MultiCpu, Gpu or MultiGpu, or a struct with `static constexpr "
                "accelerate::StrategyTraits traits` and a type `Gradients`");
  static_assert(Precision<PrecisionPolicy>,
                "Accelerator<Strategy, Precision>: the second argument is no precision; use Fp32, "
                "Fp16 or Bf16, or "
                "a struct with `static constexpr accelerate::PrecisionTraits traits`");

 public:
  static constexpr StrategyTraits strategy = StrategyPolicy::traits;
  static constexpr PrecisionTraits precision = PrecisionPolicy::traits;
  // Where the program calls the method, for errors and for reports of hangs. Do not pass it.
  using Where = std::source_location;

  // Joins the run that the environment describes (RANK, WORLD_SIZE, ...). If nothing is set, the
  // run is this process alone.
  explicit Accelerator(const AcceleratorOptions& options = {})
      : session_(internal::make_session<StrategyPolicy, PrecisionPolicy>(options)) {}

  // ---- Preparation

  // Takes models, optimizers, loaders and schedulers in any order and returns a handle for each:
  // one handle for one object, a tuple for several. You may call it several times, but only once
  // for each object.
  template <class Object>
  [[nodiscard]] auto prepare(Object&& object) {
    const launcher::PlaceScope place("prepare", std::source_location());
    return internal::prepare_one(session_, std::forward<Object>(object));
  }
  template <class... Objects>
  requires(sizeof...(Objects) > 1) [[nodiscard]] auto prepare(Objects&&... objects) {
    const launcher::PlaceScope place("prepare", std::source_location());
    // Braces, because they prepare from left to right, as all ranks must.
    return std::tuple{internal::prepare_one(session_, std::forward<Objects>(objects))...};
  }
  // Returns a loader of the same data, settings and epoch count whose passes skip their first
  // `batches` batches, to finish an epoch that was interrupted.
  template <class Dataset, class Collate>
  [[nodiscard]] auto skip_first_batches(const DataLoader<Dataset, Collate>& loader,
                                        int64_t batches) {
    return accelerate::skip_first_batches(loader, batches);
  }
  // The user's module behind a handle.
  template <class Module>
  std::shared_ptr<Module> unwrap_model(const PreparedModel<Module>& model) const {
    return model.unwrap();
  }

  // Removes models from the averaging over the ranks and frees the memory for it, even if their
  // handles or modules still live; without arguments, all models, and forgets optimizers, schedules
  // and the window of accumulate(). Do not use their optimizers and handles afterwards; you may
  // prepare the modules again. Models that nothing in the program
  // refers to are released automatically. Collective.
  template <class... Models>
  void release(const Models&... models) {
    for (const auto& state : states_of(models...)) session_->models().release(*state);
    if constexpr (sizeof...(Models) == 0) session_->begin_anew();
  }
  // Releases all models, empties these objects like release_memory(), and returns the memory to the
  // GPU, for a program that continues with another model. Collective.
  template <class... Objects>
  void free_memory(Objects&... objects) {
    release();
    release_memory(objects...);
  }

  // ---- Training

  // Runs the backward pass of the loss, which is scaled if the precision requires it. Afterwards
  // `.grad` is the mean over the ranks, unless one of the scopes below defers that. Within
  // accumulate() the loss is divided by the number of batches in its window.
  void backward(const at::Tensor& loss, const BackwardOptions& options = {},
                const Where& where = Where::current()) {
    const launcher::PlaceScope place("backward", where);
    session_->backward_pass().run(loss, options);
  }
  // A scope in which computations outside a prepared model run in the program's precision:
  //   { auto scope = accelerator.autocast(); features = encoder->forward(x); }
  [[nodiscard]] std::optional<Autocast> autocast() {
    session_->backward_pass().note_program_autocast();
    return session_->models().autocast();
  }
  // Turns a training step into one that is recorded once and then replayed as a whole; see
  // CapturedStep.
  template <class Step>
  CapturedStep<Step> capture(Step step, const CaptureOptions& options = {}) {
    return {std::move(step), StepKinds::make(session_, options)};
  }
  // Whether an optimizer skipped its last step because of an overflow.
  bool optimizer_step_was_skipped() const { return session_->optimizers().step_was_skipped(); }
  // The loss scale that the next backward() uses; 1 if the precision has none.
  double loss_scale() {
    if (session_->loss_scale() == nullptr) return 1.0;
    refuse_recording("the loss scale");
    return session_->loss_scale()->value();
  }

  // ---- Gradients over several batches

  // A scope for the work on one batch. In all but the last batch of a window of
  // gradient_accumulation_steps, gradients accumulate on this process, and step() and zero_grad()
  // of optimizers and step() of schedulers do nothing:
  //   auto scope = accelerator.accumulate(model);
  // Models that are not passed are averaged in every batch; if none is passed, no model is. While a
  // loader is iterated over, each of its batches is one call, unless `sync_with_dataloader` is
  // false; see GradientAccumulationOptions.
  template <class... Models>
  AccumulateScope accumulate(const Models&... models) {
    const auto window = internal::part_of(session_, session_->accumulation());
    session_->updates().begin_batch();
    if (sync_gradients() || session_->options().gradient_accumulation.sync_each_batch)
      return AccumulateScope(window, {});
    return AccumulateScope(window, states_of(models...));
  }
  // A scope in which backward() does not average the gradients of these models (without arguments,
  // of all models); the first backward() after it averages their sum.
  template <class... Models>
  NoSyncScope no_sync(const Models&... models) {
    return NoSyncScope(states_of(models...));
  }
  // Makes the next backward() average the model's gradients, even within no_sync().
  template <class Module>
  void trigger_sync_in_backward(const PreparedModel<Module>& model) {
    session_->models().trigger_sync(*model.state());
  }
  // Whether the batch of the current accumulate(), or of the last one, ends in an update; true
  // before the first.
  bool sync_gradients() const { return session_->accumulation().sync_gradients(); }
  int64_t gradient_accumulation_steps() const { return session_->accumulation().num_steps(); }
  // Takes effect with the next window.
  void set_gradient_accumulation_steps(int64_t steps) {
    session_->accumulation().set_num_steps(steps);
  }
  // A scope around a loop in which ranks may have different numbers of batches. A rank that runs
  // out of data waits at the end of the scope and contributes zeros to the averages of the others
  // (the sum is still divided by the number of all ranks); then all ranks continue from one state.
  // The loop must not call collectives itself, such as gather().
  JoinScope join_uneven_inputs(const JoinOptions& options = {}) {
    return JoinScope(internal::part_of(session_, session_->uneven_inputs()),
                     session_->active_loaders(), options);
  }

  // The whole gradient of a parameter after backward(); undefined if it has none. In a sharded
  // strategy, where `.grad` cannot be read, it is a new tensor, and all ranks must call this.
  at::Tensor whole_gradient(const at::Tensor& parameter) const {
    return session_->models().whole_gradient(parameter);
  }

  // ---- Clipping, after backward() and before the optimizer's step; the values are those of
  // unscaled gradients

  // Scales the gradients of a model, or of parameters, so that their norm is at most `max_norm`,
  // and returns the norm before scaling (0-dim, fp32). If the parameters are exactly those of fused
  // optimizers, the norm is the 2-norm, and the program has stepped right after a clip before, then
  // the step does the scaling: `.grad` keeps its values until unscale_gradients(), and changing it
  // before that is an error. In a step that only accumulates, the norm is that of this rank, and
  // nothing is scaled; with ZeRO-2 it is the norm of the mean over all ranks.
  template <class Module>
  at::Tensor clip_grad_norm(const PreparedModel<Module>& model, double max_norm,
                            double norm_type = 2, const Where& where = Where::current()) {
    return clip_grad_norm(model->parameters(), max_norm, norm_type, where);
  }
  at::Tensor clip_grad_norm(const std::vector<at::Tensor>& parameters, double max_norm,
                            double norm_type = 2, const Where& where = Where::current()) {
    const launcher::PlaceScope place("clip_grad_norm", where);
    OptimizerSteps& steps = session_->optimizers();
    return sync_gradients() ? steps.clip_grad_norm(parameters, max_norm, norm_type)
                            : steps.measure(parameters, norm_type);
  }
  // Clamps each element to ±`clip_value`; does nothing in a step that only accumulates.
  template <class Module>
  void clip_grad_value(const PreparedModel<Module>& model, double clip_value) {
    clip_grad_value(model->parameters(), clip_value);
  }
  void clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value) {
    if (sync_gradients()) session_->optimizers().clip_grad_value(parameters, clip_value);
  }
  // Applies the loss scale and the clipping to the values of `.grad`, for all optimizers or for
  // one; does nothing in a step that only accumulates.
  void unscale_gradients() {
    if (!sync_gradients()) return;
    for (const auto& state : session_->optimizers().live()) session_->optimizers().unscale(*state);
  }
  void unscale_gradients(const PreparedOptimizer& optimizer) {
    if (sync_gradients()) session_->optimizers().unscale(optimizer.state());
  }

  // ---- Communication: on tensors, numbers, strings, and what consists of them (visit_tensors.h);
  // the argument is not changed. A type that cannot be exchanged does not compile. If a value has
  // another structure on another rank (keys, sizes of containers), all ranks throw.

  // The values of all ranks in rank order. Tensors are concatenated along dimension 0 (a scalar
  // becomes one element), and so are vectors of numbers and of strings of any length. A number or a
  // string becomes a vector with one element for each rank, also inside a pair, tuple or map:
  //   std::vector<double> losses = accelerator.gather(loss.item<double>());
  template <class Value>
  auto gather(Value value, const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather", where);
    return internal::gathered(std::move(value), internal::Gathering{here()});
  }
  // The same for tensors and vectors with one element for each sample of the batch, without the
  // samples that fill up a loader's last batch, so each sample counts once. For use in the loop
  // over that loader; outside of a loop nothing is left out, which is a warning on several
  // processes. Throws c10::Error where the number of rows shows that they are not those of the
  // batch.
  template <class Value>
  Value gather_for_metrics(Value value, const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather_for_metrics", where);
    return internal::gathered(std::move(value), for_metrics());
  }
  // Reduces element by element over the ranks and multiplies by `scale`. Numbers keep their type; a
  // result that does not fit it is an error. The sum of bools is whether any is true.
  template <class Value>
  Value reduce(Value value, ReduceOp op = ReduceOp::kSum, double scale = 1.0,
               const Where& where = Where::current()) {
    const launcher::PlaceScope place("reduce", where);
    return internal::exchanged(std::move(value), internal::Reduction{here(), op, scale});
  }
  // The value of one rank, on all ranks. Tensors must have the same shape on all ranks; strings and
  // vectors of numbers or strings may have any length.
  template <class Value>
  auto broadcast(Value value, int from_process = 0, const Where& where = Where::current()) {
    const launcher::PlaceScope place("broadcast", where);
    return internal::exchanged(internal::owned(std::move(value)),
                               internal::Broadcasting{here(), from_process});
  }
  // Tensors padded along a dimension to the largest size on any rank, so that gather() fits.
  template <class Value>
  Value pad_across_processes(Value value, const PadOptions& options = {},
                             const Where& where = Where::current()) {
    const launcher::PlaceScope place("pad_across_processes", where);
    return internal::exchanged(std::move(value), internal::Padding{here(), options});
  }
  void wait_for_everyone(const Where& where = Where::current()) {
    const launcher::PlaceScope place("wait_for_everyone", where);
    communicator().barrier();
  }

  // ---- Communication of whole objects, which may have a different structure on each rank: any
  // type that to_bytes() takes (accelerate/nested/serialized.h). They travel as bytes, and tensors
  // come back on the CPU without their graph; for large tensors gather() and broadcast() are
  // faster.

  // Every rank's object, in rank order. Vectors are concatenated, as gather() does:
  //   const std::vector<Summary> all = accelerator.gather_object(Summary{"loss", 0.5});
  // To get one vector for each rank, pass a vector that contains this rank's vector.
  template <class Value>
  auto gather_object(const Value& value, const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather_object", where);
    return internal::gathered_objects(communicator(), value);
  }
  // The same for a vector with one object for each sample, without those that fill up a loader's
  // last batch, like gather_for_metrics().
  template <class Value>
  std::vector<Value> gather_object_for_metrics(const std::vector<Value>& values,
                                               const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather_object_for_metrics", where);
    const internal::MetricsGathering gathering = for_metrics();
    const std::vector<Value> none;
    auto all = gather_object(gathering.is_repetition ? none : values);
    all.erase(all.begin() + gathering.count(static_cast<int64_t>(all.size())), all.end());
    return all;
  }
  // The object of one rank, on all ranks; the others may pass an empty one.
  template <class Value>
  auto broadcast_object(const Value& value, int from_process = 0,
                        const Where& where = Where::current()) {
    const launcher::PlaceScope place("broadcast_object", where);
    return internal::broadcast_object(communicator(), value, from_process);
  }
  // This rank's part of inputs that all ranks have: a contiguous range of a tensor's rows or of a
  // vector's elements; in a map, pair, tuple or struct, a range of each entry. Entries of different
  // lengths are an error. If the length is not divisible, the first ranks get one more. With
  // `.apply_padding` the last element is repeated until all ranks have the same number, so that
  // their results can be gathered. A part of a tensor shares its memory. Not collective.
  //   for (const auto& prompt : accelerator.split_between_processes(prompts)) generate(prompt);
  template <class Inputs>
  Inputs split_between_processes(Inputs inputs, const SplitOptions& options = {}) const {
    return internal::split(std::move(inputs), {.rank = process_index(),
                                               .world_size = num_processes(),
                                               .apply_padding = options.apply_padding});
  }
  // A flag that any rank can raise for all, for example when its loss is NaN. check_trigger()
  // returns whether any rank has raised it since the last check, and lowers it. It is collective
  // and waits for all ranks; set_trigger() is not:
  //   for (auto& batch : loader) {
  //     if (is_bad(loss_of(model(batch.data), batch.target))) accelerator.set_trigger();
  //     if (accelerator.check_trigger()) break;
  //   }
  void set_trigger() { session_->set_trigger(); }
  bool check_trigger(const Where& where = Where::current()) {
    const launcher::PlaceScope place("check_trigger", where);
    return session_->check_trigger();
  }

  // ---- Checkpoints: everything that a run needs to continue, in files that do not depend on the
  // number of processes, the strategy or the precision; see docs/checkpoints.md. All ranks call
  // these methods between two batches. Saving is an error while gradients wait for a step, as they
  // do within a window of accumulate() until its last batch. A step that saves is not captured.

  // Continues from the newest complete checkpoint in the folder that the options name, and prints
  // that on the main process; returns false if there is none yet. Call it when everything is
  // prepared, and not inside a loop over a loader: models, optimizers, schedulers and loaders are
  // then restored, and the next pass of a loader starts after the last batch that the program had
  // processed. Missing or additional values are an error unless the options allow them, as for
  // load_state().
  bool resume(const LoadOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("resume", where);
    return session_->checkpoints().resume(options);
  }
  // Saves the run as the folder's next checkpoint, or at `path`, where it replaces an existing
  // checkpoint. The checkpoint appears completely or not at all, even if the process is killed.
  // Returns its path.
  std::string save_state(const std::string& path = "", const Where& where = Where::current()) {
    const launcher::PlaceScope place("save_state", where);
    return session_->checkpoints().save(path, where);
  }
  // Continues from the checkpoint at `path`, or from the newest in the folder. If it belongs to
  // other models or optimizers, throws c10::Error with all differences and changes nothing.
  LoadReport load_state(const std::string& path = "", const LoadOptions& options = {},
                        const Where& where = Where::current()) {
    const launcher::PlaceScope place("load_state", where);
    return session_->checkpoints().load(path, options);
  }
  // Waits until an asynchronous checkpoint is written (CheckpointOptions::asynchronous), and throws
  // c10::Error on all ranks if one of them could not write it. ACCELERATE_MAIN calls it at the end.
  void wait_for_checkpoint(const Where& where = Where::current()) {
    const launcher::PlaceScope place("wait_for_checkpoint", where);
    session_->checkpoints().wait();
  }
  // The program's counters, which are saved in each checkpoint.
  Progress& progress() { return session_->checkpoints().progress(); }
  // Adds an object of the program to each checkpoint: a number, a tensor, a module, an object that
  // has state() and load_state() with a State, or one that has save() and load() with LibTorch's
  // archives. The checkpoint stores it under `name`. The object must live until it is unregistered,
  // or until the last time that a state is saved or loaded.
  //   accelerator.register_for_checkpointing("ema", ema);
  template <class Object>
  void register_for_checkpointing(const std::string& name, Object& object,
                                  const RegistrationOptions& options = {}) {
    session_->checkpoints().add(internal::registered_object(
        name, object, {.equal_on_all_ranks = !options.of_each_rank, .device = device()}));
  }
  // Call this before you destroy a registered object.
  void unregister_from_checkpointing(const std::string& name) {
    session_->checkpoints().remove(name);
  }
  // Calls the function on all ranks before each checkpoint is saved or loaded, with the path of its
  // folder. For a save, that is the folder that is being written, and the function may add files to
  // it. Returns the number that remove_checkpoint_hook() takes.
  int register_save_state_pre_hook(CheckpointHook hook) {
    return session_->checkpoints().add_save_hook(std::move(hook));
  }
  int register_load_state_pre_hook(CheckpointHook hook) {
    return session_->checkpoints().add_load_hook(std::move(hook));
  }
  void remove_checkpoint_hook(int number) { session_->checkpoints().remove_hook(number); }
  // Writes the weights of one model to safetensors files that Python's tools can read; the main
  // process writes them.
  template <class Module>
  void save_model(const PreparedModel<Module>& model, const std::string& folder,
                  const SaveModelOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("save_model", where);
    session_->checkpoints().on_main_process(
        "save_model()", [&] { internal::save_model_files(*model.unwrap(), folder, options); });
  }
  // Loads weights from such files, or from a safetensors file of another tool. All ranks read it,
  // and have those of rank 0 afterwards.
  template <class Module>
  LoadReport load_model(const PreparedModel<Module>& model, const std::string& path,
                        const LoadOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("load_model", where);
    LoadReport report;
    session_->checkpoints().on_all_ranks("load_model()", [&] {
      report = internal::load_model_files(*model.unwrap(), path, options);
    });
    session_->models().make_equal(*model.unwrap());
    return report;
  }
  // Replaces the options for checkpoints, for example by a folder that a flag names.
  void set_checkpoints(const CheckpointOptions& options) {
    session_->checkpoints().set_options(options);
  }
  const CheckpointOptions& checkpoints() const { return session_->checkpoints().options(); }
  // Replaces the options for moments, for example by those of a flag. Throws c10::Error once an
  // optimizer has been prepared.
  void set_moments(const MomentOptions& moments) { session_->optimizers().set_moments(moments); }

  // ---- Seeing the run; see docs/seeing_a_run.md, docs/diagnosing.md

  // Starts recording what log() gets, in a folder for the run; see Trackers and
  // docs/seeing_a_run.md. A run that continues from a checkpoint continues in its folder, whether
  // you call this before or after resume().
  void init_trackers(const std::string& run, const RunSettings& settings = {},
                     const TrackingOptions& options = {}) {
    session_->trackers().init(run, settings, options);
  }
  // Logs numbers, texts and one-element tensors, which are copied from a GPU without waiting: the
  // values of the main process, or the means over all ranks:
  //   accelerator.log({{"loss", loss}, {"rate", 0.5}}, {.step = 12});
  void log(const LogValues& values, const LogOptions& options = {},
           const Where& where = Where::current()) {
    const launcher::PlaceScope place("log", where);
    session_->log(values, options);
  }
  // `images` has the shape C×H×W or N×C×H×W and holds bytes, or numbers from 0 to 1.
  void log_images(const std::string& name, const at::Tensor& images,
                  const LogOptions& options = {}) {
    session_->trackers().log_images(name, images, options);
  }
  void log_histogram(const std::string& name, const at::Tensor& tensor,
                     const LogOptions& options = {}) {
    session_->trackers().log_histogram(name, tensor, options);
  }
  // Returns one tracker, to call methods of its own class; null on all but the main process, and
  // while the run's folder cannot be made. Starts the run, so call it after resume(). Throws
  // c10::Error if the tracker has another class, and after end_training().
  template <std::derived_from<Tracker> Kind = Tracker>
  Kind* get_tracker(std::string_view name) {
    Tracker* tracker = session_->trackers().find(name);
    auto* found = dynamic_cast<Kind*>(tracker);
    TORCH_CHECK((found == nullptr) == (tracker == nullptr), "get_tracker(): the tracker `", name,
                "` is of another class than the one that was asked for");
    return found;
  }
  // Writes out what was logged and ends the run; the end of the program does this too.
  void end_training() { session_->trackers().finish(); }

  // Measures each step of this rank, in this thread, until you call measure_steps(false). If you
  // call it before resume(), the report includes the time before a restart. It costs about a
  // microsecond for each step; one step in a thousand takes longer because its operations are
  // counted. With log_every, trackers get the figures of the main process:
  //   accelerator.measure_steps({.log_every = 100});
  void measure_steps(const MeasureOptions& options = {}) { session_->meter().start(options); }
  template <std::same_as<bool> Bool>  // So that a number is not taken for one.
  void measure_steps(Bool measures) {
    if (measures) return measure_steps();
    session_->meter().stop();
  }
  // Where the time since measure_steps() went, over all ranks. Collective:
  //   if (step % 1000 == 0) accelerator.print(accelerator.report());
  RunReport report(const ReportOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("report", where);
    refuse_recording("a report");
    return session_->meter().report(communicator(), options);
  }

  // The memory of this process's device that is in use now: by prepared models and optimizers,
  // tensor by tensor, and by everything else. Not collective:
  //   accelerator.print(accelerator.memory());
  MemoryUsage memory() const { return session_->memory(); }

  // From now on, backward() throws if gradients are not finite, before an optimizer steps with
  // them, and names the operator that they come from; optionally, norms are logged. See Watch. All
  // ranks must call it. `{.non_finite = false}` ends it. A captured step runs uncaptured while it
  // is watched.
  void watch(const WatchOptions& options = {}) {
    refuse_recording("that the run is watched");
    session_->watch().start(options);
  }

  // A scope whose operators are written to a trace; see Profile.
  [[nodiscard]] Profile profile(const ProfileOptions& options = {}) {
    return {options, process_index(), device()};
  }

  // ---- Processes

  int process_index() const { return session_->process().rank; }
  int local_process_index() const { return session_->process().local_rank; }
  int num_processes() const { return session_->process().world_size; }
  bool is_main_process() const { return session_->process().is_main(); }
  bool is_local_main_process() const { return session_->process().is_local_main(); }
  bool is_last_process() const { return process_index() == num_processes() - 1; }
  c10::Device device() const { return session_->process().device; }

  // Writes a line to standard output, once for each machine.
  template <class... Parts>
  void print(const Parts&... parts) const {
    if (is_local_main_process()) ((std::cout << ... << parts) << std::endl);
  }
  // Whether the program should save and return because its time is nearly over: somebody sent
  // SIGUSR1, SIGUSR2 or SIGTERM to a process of the run, or to its launcher. The answer is the same
  // on all ranks. Collective; call it outside of a captured step. With several processes the answer
  // arrives one call later, so it costs no waiting:
  //   for (auto& batch : loader) {
  //     train_on(batch);
  //     if (!accelerator.should_stop()) continue;
  //     accelerator.save_state();  // Within the loop, so that it knows the batch.
  //     break;
  //   }
  // After the first call, SIGTERM no longer ends this process; its launcher kills it if it is still
  // running --grace_period seconds later.
  bool should_stop(const Where& where = Where::current()) {
    const launcher::PlaceScope place("should_stop", where);
    return session_->should_stop();
  }
  // Calls the function on the main process first, and on the others when it is done there. Returns
  // the function's result.
  template <class Function>
  decltype(auto) main_process_first(Function&& function, const Where& where = Where::current()) {
    const launcher::PlaceScope place("main_process_first", where);
    internal::InTurn turn(communicator(), is_main_process());
    return std::invoke(std::forward<Function>(function));
  }
  // The same with the local main process of each machine, for files on its disk.
  template <class Function>
  decltype(auto) local_main_process_first(Function&& function,
                                          const Where& where = Where::current()) {
    const launcher::PlaceScope place("local_main_process_first", where);
    internal::InTurn turn(communicator(), is_local_main_process());
    return std::invoke(std::forward<Function>(function));
  }
  // Seeds LibTorch's default generators of the CPU and of all GPUs, with the same seed on all
  // ranks; with `.device_specific`, with the seed plus process_index(). It does not touch other
  // generators: seed your own std::mt19937 yourself.
  void set_seed(uint64_t seed, const SeedOptions& options = {}) {
    refuse_recording("the seed");
    seed_generators(seed, process_index(), options);
  }
  // Calls `function(batch_size)` with smaller and smaller sizes until no rank runs out of memory;
  // see accelerate/core/find_executable_batch_size.h. All ranks try each size together. The
  // function must not communicate: if one rank runs out of memory in the middle of a collective,
  // such as a backward() outside of no_sync(), the others wait for it until the run ends with an
  // error. Collective.
  template <class Function>
  auto find_executable_batch_size(Function&& function, const BatchSizeOptions& options = {}) {
    const auto on_any_rank = [this](bool is_mine) { return !session_->all_agree(!is_mine); };
    return internal::find_executable_batch_size(std::forward<Function>(function), options,
                                                on_any_rank);
  }

 private:
  Communicator& communicator() { return session_->communicator(); }
  internal::ExchangePlace here() { return {session_->communicator(), device()}; }
  // Which samples of the current batch count.
  internal::MetricsGathering for_metrics() {
    internal::MetricsGathering gathering{here()};
    const auto& loaders = session_->active_loaders();
    gathering.is_filled =
        num_processes() > 1 && loaders->even_batches.value_or(session_->options().even_batches);
    const auto loader = loaders->current();
    if (loader == nullptr && num_processes() > 1 && is_main_process()) {
      TORCH_WARN_ONCE(
          "gather_for_metrics() outside of a loop over a prepared loader leaves no repeated "
          "samples "
          "out; call it in the loop, for each batch, or use gather()");
    }
    if (loader != nullptr) {
      gathering.is_repetition = loader->is_repetition;
      if (loader->end_of_dataloader() && loader->remainder > 0) {
        gathering.samples = loader->remainder;
        gathering.round_size = loader->round_size;
      }
    }
    return gathering;
  }

  // The states of these models; without arguments, of all models that are alive.
  template <class... Models>
  std::vector<std::shared_ptr<ModelState>> states_of(const Models&... models) const {
    if constexpr (sizeof...(Models) == 0) {
      const auto all = session_->models().live();
      return {all.begin(), all.end()};
    } else {
      return {models.state()...};
    }
  }

  std::shared_ptr<Session> session_;
};

}  // namespace accelerate
