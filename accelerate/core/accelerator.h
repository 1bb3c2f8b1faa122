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
// ACCELERATE_MAIN makes it; a program with a main() of its own may construct one, after it was
// launched. Methods that talk to the other ranks are collective: every rank calls them, in the same
// order. A violated rule throws c10::Error with a remedy. Not thread-safe. Not for inference alone,
// where a LibTorch module is all one needs.
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
  // Where the program calls; of use in errors and where a run hangs. Never to be given.
  using Where = std::source_location;

  // Joins the run that the environment describes (RANK, WORLD_SIZE, ...), which is this process
  // alone when nothing is set.
  explicit Accelerator(const AcceleratorOptions& options = {})
      : session_(internal::make_session<StrategyPolicy, PrecisionPolicy>(options)) {}

  // ---- Preparation

  // Takes models, optimizers, loaders and schedulers, in any order, and returns a handle for each:
  // one handle for one object, a tuple for several. May be called more than once, but once for each
  // object.
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
  // A loader of the same data, settings and epoch count, each of whose passes leaves out its first
  // batches: for the rest of an epoch that was broken off.
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

  // Takes models out of the averaging over the ranks and gives back the memory for it, though their
  // handles or modules still live; all models when none is named. Their optimizers and handles are
  // not to be used afterwards, but the modules may be prepared anew. Models that nothing in the
  // program refers to are released by themselves. Collective.
  template <class... Models>
  void release(const Models&... models) {
    for (const auto& state : states_of(models...)) session_->models().release(*state);
  }
  // Takes out all models, as release() does, empties these objects, as release_memory() does, and
  // gives the memory back to the GPU; for a program that goes on with another model. Collective.
  template <class... Objects>
  void free_memory(Objects&... objects) {
    release();
    release_memory(objects...);
  }

  // ---- Training

  // Backward of the loss, scaled if the precision wants it; afterwards `.grad` is the mean over the
  // ranks, unless a scope below keeps it from that. Within accumulate() the loss is divided by the
  // number of batches in its window.
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
  // Makes of a training step one that is recorded once and then replayed whole; see CapturedStep.
  template <class Step>
  CapturedStep<Step> capture(Step step, const CaptureOptions& options = {}) {
    return {std::move(step), StepKinds::make(session_, options)};
  }
  // Whether an overflow made an optimizer skip its last step.
  bool optimizer_step_was_skipped() const { return session_->optimizers().step_was_skipped(); }
  // The loss scale that the next backward uses; 1 when the precision has none.
  double loss_scale() {
    if (session_->loss_scale() == nullptr) return 1.0;
    refuse_recording("the loss scale");
    return session_->loss_scale()->value();
  }

  // ---- Gradients over several batches

  // A scope for the work on one batch. In all but the last batch of a window of
  // gradient_accumulation_steps, gradients add up on this process, and step() and zero_grad() of
  // optimizers and step() of schedulers do nothing:
  //   auto scope = accelerator.accumulate(model);
  // Models that are not named are averaged in every batch; without any name none is.
  template <class... Models>
  AccumulateScope accumulate(const Models&... models) {
    const auto window = internal::part_of(session_, session_->accumulation());
    session_->updates().begin_batch();
    if (sync_gradients() || session_->options().gradient_accumulation.sync_each_batch)
      return AccumulateScope(window, {});
    return AccumulateScope(window, states_of(models...));
  }
  // A scope in which backward() leaves the gradients of these models (none: of all) to this
  // process; the next backward() after it averages their sum.
  template <class... Models>
  NoSyncScope no_sync(const Models&... models) {
    return NoSyncScope(states_of(models...));
  }
  // Makes the next backward() average the model's gradients, even within no_sync().
  template <class Module>
  void trigger_sync_in_backward(const PreparedModel<Module>& model) {
    session_->models().trigger_sync(*model.state());
  }
  // Whether the batch of the present accumulate(), or the last one, ends in an update; true before
  // the first.
  bool sync_gradients() const { return session_->accumulation().sync_gradients(); }
  int64_t gradient_accumulation_steps() const { return session_->accumulation().num_steps(); }
  // From the next window on.
  void set_gradient_accumulation_steps(int64_t steps) {
    session_->accumulation().set_num_steps(steps);
  }
  // A scope around a loop in which ranks may have different numbers of batches. A rank that is out
  // of data waits at its end and takes part in the others' averaging with zeros (the sum is still
  // divided by the number of all ranks); then all ranks go on from one state. The loop itself must
  // not hold collectives of its own, such as gather().
  JoinScope join_uneven_inputs(const JoinOptions& options = {}) {
    return JoinScope(internal::part_of(session_, session_->uneven_inputs()),
                     session_->active_loaders(), options);
  }

  // All of a parameter's gradient after backward(), undefined where it has none. In a sharded
  // strategy, where `.grad` cannot be read, a new tensor, for which all ranks call this.
  at::Tensor whole_gradient(const at::Tensor& parameter) const {
    return session_->models().whole_gradient(parameter);
  }

  // ---- Clipping, after backward() and before the optimizer's step; the values are those of
  // unscaled gradients

  // Scales the gradients of a model, or of parameters, so that their norm is at most `max_norm`,
  // and returns the norm that it was (0-dim, fp32). Where the parameters are all those of fused
  // optimizers, the norm is the 2-norm and the program has been seen to step right after a clip,
  // the step does the scaling: `.grad` stays as it is until unscale_gradients(), and a program that
  // changes it all the same gets an error. In a step that only accumulates, the norm is this rank's
  // and nothing is scaled.
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
  // Limits each element to ±`clip_value`; does nothing in a step that only accumulates.
  template <class Module>
  void clip_grad_value(const PreparedModel<Module>& model, double clip_value) {
    clip_grad_value(model->parameters(), clip_value);
  }
  void clip_grad_value(const std::vector<at::Tensor>& parameters, double clip_value) {
    if (sync_gradients()) session_->optimizers().clip_grad_value(parameters, clip_value);
  }
  // Brings the loss scale and the clipping into the values of `.grad`, of all optimizers or of one;
  // does nothing in a step that only accumulates.
  void unscale_gradients() {
    if (!sync_gradients()) return;
    for (const auto& state : session_->optimizers().live()) session_->optimizers().unscale(*state);
  }
  void unscale_gradients(const PreparedOptimizer& optimizer) {
    if (sync_gradients()) session_->optimizers().unscale(optimizer.state());
  }

  // ---- Communication: on tensors, numbers, strings, and what consists of them (visit_tensors.h);
  // the argument is not changed. What cannot be exchanged does not compile, and a value that is
  // built differently on another rank (keys, sizes of containers) is an error on all.

  // All ranks' values in rank order: tensors are concatenated along dimension 0, where a scalar
  // becomes one element, and so are vectors of numbers and of strings, whatever their lengths. A
  // number or a string becomes a vector with one element for each rank, also in a pair, tuple or
  // map:
  //   std::vector<double> losses = accelerator.gather(loss.item<double>());
  template <class Value>
  auto gather(Value value, const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather", where);
    return internal::gathered(std::move(value), internal::Gathering{here()});
  }
  // The same of tensors and vectors with an element for each sample, without those that fill up a
  // loader's last batch, so that each sample counts once.
  template <class Value>
  Value gather_for_metrics(Value value, const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather_for_metrics", where);
    return internal::gathered(std::move(value), for_metrics());
  }
  // Element by element over the ranks, times `scale`. Numbers keep their type, and are an error
  // where the result has another; the sum of truths is whether one is true.
  template <class Value>
  Value reduce(Value value, ReduceOp op = ReduceOp::kSum, double scale = 1.0,
               const Where& where = Where::current()) {
    const launcher::PlaceScope place("reduce", where);
    return internal::exchanged(std::move(value), internal::Reduction{here(), op, scale});
  }
  // The value of one rank on all. Tensors have one shape on all ranks; strings and vectors of
  // numbers or strings come as they are there.
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

  // ---- Communication of whole objects, which may be built differently on each rank: whatever
  // to_bytes() takes (accelerate/nested/serialized.h). They travel as bytes of the host, and
  // tensors come back on the CPU without their graph; for large tensors gather() and broadcast()
  // are quicker.

  // Every rank's object, in rank order. Vectors are concatenated, as gather() does:
  //   const std::vector<Summary> all = accelerator.gather_object(Summary{"loss", 0.5});
  // A vector for each rank comes of a vector that holds the rank's own.
  template <class Value>
  auto gather_object(const Value& value, const Where& where = Where::current()) {
    const launcher::PlaceScope place("gather_object", where);
    return internal::gathered_objects(communicator(), value);
  }
  // The same of a vector with an object for each sample, without those that fill up a loader's last
  // batch, as gather_for_metrics() does.
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
  // The object of one rank, on all; that of the others may be empty.
  template <class Value>
  auto broadcast_object(const Value& value, int from_process = 0,
                        const Where& where = Where::current()) {
    const launcher::PlaceScope place("broadcast_object", where);
    return internal::broadcast_object(communicator(), value, from_process);
  }
  // This rank's part of inputs that all ranks have: a run of a tensor's rows or of a vector's
  // elements, and in a map, pair, tuple or struct one of each entry; entries of different lengths
  // are an error. The first ranks get one more where the length does not divide. With
  // `.apply_padding` the last element is repeated until all have as many, so that their results can
  // be gathered. Part of a tensor shares its memory. Not collective.
  //   for (const auto& prompt : accelerator.split_between_processes(prompts)) generate(prompt);
  template <class Inputs>
  Inputs split_between_processes(Inputs inputs, const SplitOptions& options = {}) const {
    return internal::split(std::move(inputs), {.rank = process_index(),
                                               .world_size = num_processes(),
                                               .apply_padding = options.apply_padding});
  }
  // A flag that one rank raises for all, such as that it has found the loss to be NaN.
  // check_trigger() says whether any rank has raised it since the last check, and lowers it; it is
  // collective and waits for all ranks, set_trigger() is not:
  //   for (auto& batch : loader) {
  //     if (is_bad(loss_of(model(batch.data), batch.target))) accelerator.set_trigger();
  //     if (accelerator.check_trigger()) break;
  //   }
  void set_trigger() { session_->set_trigger(); }
  bool check_trigger(const Where& where = Where::current()) {
    const launcher::PlaceScope place("check_trigger", where);
    return session_->check_trigger();
  }

  // ---- Checkpoints: all that a run goes on from, in a folder that is the same whatever the number
  // of processes, the strategy and the precision; see docs/checkpoints.md. All ranks call these,
  // between two batches. Where gradients wait for a step, which includes the batches of a window of
  // accumulate() that do not end it, saving is an error; a step that saves is not captured.

  // Goes on from the newest whole checkpoint of the folder that the options name, and says so on
  // the main process; false where there is none yet. Called when all is prepared: models,
  // optimizers, schedulers and loaders are then as they were when it was saved, and the next pass
  // of a loader goes on behind the last batch that the program had had. Not within such a pass.
  // What it lacks or has besides is an error, unless that is allowed, as for load_state().
  bool resume(const LoadOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("resume", where);
    return session_->checkpoints().resume(options);
  }
  // Saves the run as the folder's next checkpoint, or at a path of its own, where it takes the
  // place of one that is there. It is there in full or not at all, whatever happens meanwhile.
  // Returns its path.
  std::string save_state(const std::string& path = "", const Where& where = Where::current()) {
    const launcher::PlaceScope place("save_state", where);
    return session_->checkpoints().save(path, where);
  }
  // Goes on from the checkpoint at a path, or from the newest of the folder. Throws c10::Error,
  // with all that differs and nothing changed, where it is of other models or optimizers.
  LoadReport load_state(const std::string& path = "", const LoadOptions& options = {},
                        const Where& where = Where::current()) {
    const launcher::PlaceScope place("load_state", where);
    return session_->checkpoints().load(path, options);
  }
  // Waits for a checkpoint that is being written (CheckpointOptions::asynchronous), and throws
  // c10::Error on all ranks where one of them could not write it. ACCELERATE_MAIN calls it at the
  // end.
  void wait_for_checkpoint(const Where& where = Where::current()) {
    const launcher::PlaceScope place("wait_for_checkpoint", where);
    session_->checkpoints().wait();
  }
  // What the program counts; a part of each checkpoint.
  Progress& progress() { return session_->checkpoints().progress(); }
  // Makes an object of the program's a part of each checkpoint: a number, a tensor or a module, or
  // what has state() and load_state() with a State, or save() and load() with LibTorch's archives.
  // Its name stands for it in the checkpoint; the object outlives the Accelerator's use of it.
  //   accelerator.register_for_checkpointing("ema", ema);
  template <class Object>
  void register_for_checkpointing(const std::string& name, Object& object,
                                  const RegistrationOptions& options = {}) {
    session_->checkpoints().add(internal::registered_object(
        name, object, {.equal_on_all_ranks = !options.of_each_rank, .device = device()}));
  }
  // Before an object goes that is registered.
  void unregister_from_checkpointing(const std::string& name) {
    session_->checkpoints().remove(name);
  }
  // Calls the function on all ranks before each checkpoint is saved, or loaded, with the path of
  // its folder: for a save that in which it is being written, where the function may add files of
  // its own. Returns the number by which remove_checkpoint_hook() takes it away again.
  int register_save_state_pre_hook(CheckpointHook hook) {
    return session_->checkpoints().add_save_hook(std::move(hook));
  }
  int register_load_state_pre_hook(CheckpointHook hook) {
    return session_->checkpoints().add_load_hook(std::move(hook));
  }
  void remove_checkpoint_hook(int number) { session_->checkpoints().remove_hook(number); }
  // The weights of one model in safetensors files, as Python's tools read them; the main process
  // writes them.
  template <class Module>
  void save_model(const PreparedModel<Module>& model, const std::string& folder,
                  const SaveModelOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("save_model", where);
    session_->checkpoints().on_main_process(
        "save_model()", [&] { internal::save_model_files(*model.unwrap(), folder, options); });
  }
  // Weights from such files, or from one that others have made.
  template <class Module>
  LoadReport load_model(const PreparedModel<Module>& model, const std::string& path,
                        const LoadOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("load_model", where);
    LoadReport report;
    session_->checkpoints().on_all_ranks("load_model()", [&] {
      report = internal::load_model_files(*model.unwrap(), path, options);
    });
    return report;
  }
  // Another folder than that of the options, such as one that a flag names.
  void set_checkpoints(const CheckpointOptions& options) {
    session_->checkpoints().set_options(options);
  }
  const CheckpointOptions& checkpoints() const { return session_->checkpoints().options(); }
  // Other moments than those of the options, such as a flag's. Throws c10::Error once an optimizer
  // has been prepared.
  void set_moments(const MomentOptions& moments) { session_->optimizers().set_moments(moments); }

  // ---- Seeing the run; see docs/seeing_a_run.md

  // Begins to keep what is logged, in a folder for the run; see Trackers and docs/seeing_a_run.md.
  // A run that goes on from a checkpoint goes on in its folder, whichever of this and resume()
  // comes first.
  void init_trackers(const std::string& run, const RunSettings& settings = {},
                     const TrackingOptions& options = {}) {
    session_->trackers().init(run, settings, options);
  }
  // Numbers, texts, and tensors of one number, which are read when a GPU has them. Those of the
  // main process, or the means over all ranks:
  //   accelerator.log({{"loss", loss}, {"rate", 0.5}}, {.step = 12});
  void log(const LogValues& values, const LogOptions& options = {},
           const Where& where = Where::current()) {
    const launcher::PlaceScope place("log", where);
    session_->log(values, options);
  }
  // Of the shape C×H×W or N×C×H×W, bytes, or numbers from 0 to 1.
  void log_images(const std::string& name, const at::Tensor& images,
                  const LogOptions& options = {}) {
    session_->trackers().log_images(name, images, options);
  }
  void log_histogram(const std::string& name, const at::Tensor& tensor,
                     const LogOptions& options = {}) {
    session_->trackers().log_histogram(name, tensor, options);
  }
  // One of them, for what it alone can do; null on all but the main process. There until
  // end_training(), and null as long as the run's folder cannot be made. Begins the run: to be
  // called after resume(). Throws c10::Error where it is of another class.
  template <std::derived_from<Tracker> Kind = Tracker>
  Kind* get_tracker(std::string_view name) {
    Tracker* tracker = session_->trackers().find(name);
    auto* found = dynamic_cast<Kind*>(tracker);
    TORCH_CHECK((found == nullptr) == (tracker == nullptr), "get_tracker(): the tracker `", name,
                "` is of another class than the one that was asked for");
    return found;
  }
  // Hands over what was logged, and ends the run; the end of the program does so as well.
  void end_training() { session_->trackers().finish(); }

  // From now on each step of this rank is measured, in this thread, until false is given. Called
  // before resume(), the report counts the time before a restart as well. Costs about a
  // microsecond for each step, and one step in a thousand takes longer, as its operations are
  // counted. Trackers get the figures, too, of the main process:
  //   accelerator.measure_steps({.log_every = 100});
  void measure_steps(const MeasureOptions& options = {}) { session_->meter().start(options); }
  template <std::same_as<bool> Bool>  // So that a number is not taken for one.
  void measure_steps(Bool measures) {
    if (measures) return measure_steps();
    session_->meter().stop();
  }
  // Where the time has gone since measure_steps(), over all ranks. Collective:
  //   if (step % 1000 == 0) accelerator.print(accelerator.report());
  RunReport report(const ReportOptions& options = {}, const Where& where = Where::current()) {
    const launcher::PlaceScope place("report", where);
    refuse_recording("a report");
    return session_->meter().report(communicator(), options);
  }

  // What of this process's device is in use now: by prepared models and optimizers, tensor by
  // tensor, and by all else. Not collective:
  //   accelerator.print(accelerator.memory());
  MemoryUsage memory() const { return session_->memory(); }

  // From now on gradients that are not finite are reported before an optimizer steps with them, by
  // an exception that names the operator they come from, and norms are logged; see Watch. All
  // ranks call it. Ends with `{.non_finite = false}`; a captured step runs as it is where it looks.
  void watch(const WatchOptions& options = {}) {
    refuse_recording("that the run is watched");
    session_->watch().start(options);
  }

  // A scope of which a trace is written, operator by operator; see Profile.
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

  // Writes a line to the standard output, once for each machine.
  template <class... Parts>
  void print(const Parts&... parts) const {
    if (is_local_main_process()) ((std::cout << ... << parts) << std::endl);
  }
  // Whether the program is to save what it has and return, because a scheduler's time for it is
  // nearly over: somebody sent SIGUSR1, SIGUSR2 or SIGTERM to a process of the run, or to its
  // launcher. The same answer on all ranks; collective, and to be called outside of a captured
  // step. With several processes the answer comes one call later, and costs no waiting:
  //   for (auto& batch : loader) {
  //     if (accelerator.should_stop()) break;
  //   }
  // From the first call on SIGTERM ends this process no more; its launcher kills it when it has
  // not ended --grace_period seconds later.
  bool should_stop(const Where& where = Where::current()) {
    const launcher::PlaceScope place("should_stop", where);
    return session_->should_stop();
  }
  // Calls the function on the main process, and on the others when it is done there; returns what
  // it returned.
  template <class Function>
  decltype(auto) main_process_first(Function&& function, const Where& where = Where::current()) {
    const launcher::PlaceScope place("main_process_first", where);
    internal::InTurn turn(communicator(), is_main_process());
    return std::invoke(std::forward<Function>(function));
  }
  // The same with the local main process of each machine, for what is kept on its disk.
  template <class Function>
  decltype(auto) local_main_process_first(Function&& function,
                                          const Where& where = Where::current()) {
    const launcher::PlaceScope place("local_main_process_first", where);
    internal::InTurn turn(communicator(), is_local_main_process());
    return std::invoke(std::forward<Function>(function));
  }
  // Seeds LibTorch's default generators, of the CPU and of all GPUs, with the same seed on all
  // ranks, or with `.device_specific` with the seed plus process_index(). Other generators are left
  // alone: a program seeds its own std::mt19937.
  void set_seed(uint64_t seed, const SeedOptions& options = {}) {
    refuse_recording("the seed");
    seed_generators(seed, process_index(), options);
  }
  // Calls `function(batch_size)` with ever smaller sizes until it runs out of memory on no rank;
  // see accelerate/core/find_executable_batch_size.h. The ranks take each size together, and the
  // function must not communicate: where one rank runs out of memory in the middle of a collective
  // of all, such as a backward() outside of no_sync(), the others wait for it in vain, and the run
  // ends with an error. Collective.
  template <class Function>
  auto find_executable_batch_size(Function&& function, const BatchSizeOptions& options = {}) {
    const auto on_any_rank = [this](bool is_mine) { return !session_->all_agree(!is_mine); };
    return internal::find_executable_batch_size(std::forward<Function>(function), options,
                                                on_any_rank);
  }

 private:
  Communicator& communicator() { return session_->communicator(); }
  internal::ExchangePlace here() { return {session_->communicator(), device()}; }
  // What counts of the batch at hand.
  internal::MetricsGathering for_metrics() {
    internal::MetricsGathering gathering{here(), std::nullopt};
    if (const auto loader = session_->active_loaders()->current()) {
      gathering.is_repetition = loader->is_repetition;
      if (loader->end_of_dataloader() && loader->remainder > 0)
        gathering.samples = loader->remainder;
    }
    return gathering;
  }

  // All that live, when none is named.
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
