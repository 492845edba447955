using System.Threading.Channels;
using KlingPS.Core;
using KlingPS.Core.Stages;

namespace KlingPS.Hosting;

/// <summary>Runs a stage for a command: feeds it items while it emits the results of earlier ones.</summary>
/// <typeparam name="TIn">An item.</typeparam>
/// <typeparam name="TOut">Its result.</typeparam>
/// <remarks>Everything runs on the pipeline thread. An error that ends the stage, such as a missing key, is thrown from here.</remarks>
internal sealed class StagePump<TIn, TOut> : IDisposable
{
    private readonly PipelineBridge _bridge;
    private readonly Func<IPipelineStage<TIn, TOut>> _create;
    private readonly Action<TOut> _emit;
    private IPipelineStage<TIn, TOut>? _stage;

    /// <summary>Creates the pump.</summary>
    /// <param name="bridge">Waits for the stage.</param>
    /// <param name="create">Creates the stage when the first item needs it.</param>
    /// <param name="emit">Writes the result of an item.</param>
    public StagePump(PipelineBridge bridge, Func<IPipelineStage<TIn, TOut>> create, Action<TOut> emit)
    {
        _bridge = bridge;
        _create = create;
        _emit = emit;
    }

    /// <summary>Starts the stage before there is an item.</summary>
    /// <exception cref="KlingException">The stage cannot be created.</exception>
    public void Begin() => _stage ??= _create();

    /// <summary>Feeds an item to the stage, and emits what is ready in the meantime.</summary>
    /// <exception cref="KlingException">The stage cannot be created, or has ended with an error.</exception>
    public void Feed(TIn item)
    {
        _stage ??= _create();
        Task<bool> posted = PostAsync(_stage, item);
        while (!posted.IsCompleted)
        {
            _bridge.WaitAny(posted, _stage.Results.WaitToReadAsync(_bridge.StopToken).AsTask());
            EmitReady(_stage.Results);
        }

        _bridge.Wait(posted);
        EmitReady(_stage.Results);
    }

    /// <summary>Takes no more items and emits everything that is still in the stage.</summary>
    /// <exception cref="KlingException">The stage has ended with an error.</exception>
    public void Finish()
    {
        if (_stage is null)
        {
            return;
        }

        _stage.Complete();
        while (_bridge.Run(token => _stage.Results.WaitToReadAsync(token).AsTask()))
        {
            EmitReady(_stage.Results);
        }
    }

    /// <summary>Stops what is still in the stage.</summary>
    public void Dispose() => _stage?.Dispose();

    private async Task<bool> PostAsync(IPipelineStage<TIn, TOut> stage, TIn item)
    {
        await stage.PostAsync(item, _bridge.StopToken).ConfigureAwait(false);
        return true;
    }

    private void EmitReady(ChannelReader<TOut> results)
    {
        while (results.TryRead(out TOut? result))
        {
            _emit(result);
        }

        if (results.Completion.IsFaulted)
        {
            // An error that nobody foresaw ends the command, so that nothing more is bought.
            results.Completion.GetAwaiter().GetResult();
        }
    }
}
