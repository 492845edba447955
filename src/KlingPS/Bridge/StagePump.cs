using System.Threading.Channels;
using KlingPS.Core;
using KlingPS.Core.Stages;

namespace KlingPS.Bridge;

/// <summary>Runs a stage for a command: gives it items while it emits what became of earlier ones.</summary>
/// <typeparam name="TIn">An item.</typeparam>
/// <typeparam name="TOut">What becomes of it.</typeparam>
internal sealed class StagePump<TIn, TOut> : IDisposable
{
    private readonly KlingCommand _command;
    private readonly Func<IPipelineStage<TIn, TOut>> _create;
    private readonly Action<TOut> _emit;
    private IPipelineStage<TIn, TOut>? _stage;

    /// <summary>Creates the pump.</summary>
    /// <param name="command">The command whose pipeline thread this runs on, and which disposes of it.</param>
    /// <param name="create">Creates the stage when the first item needs it.</param>
    /// <param name="emit">Writes what became of an item.</param>
    public StagePump(KlingCommand command, Func<IPipelineStage<TIn, TOut>> create, Action<TOut> emit)
    {
        _command = command;
        _create = create;
        _emit = emit;
        command.Own(this);
    }

    /// <summary>Starts the stage before there is an item.</summary>
    public void Begin() => Guard(() => _stage ??= _create());

    /// <summary>Gives an item to the stage, and emits what is ready meanwhile.</summary>
    public void Feed(TIn item) => Guard(() =>
    {
        _stage ??= _create();
        Task posted = _stage.PostAsync(item, _command.StopToken);
        while (!posted.IsCompleted)
        {
            _command.AwaitAny(posted, _stage.Results.WaitToReadAsync(_command.StopToken).AsTask());
            EmitReady(_stage.Results);
        }

        _command.Await(_ => posted);
        EmitReady(_stage.Results);
    });

    /// <summary>Takes no more items and emits everything that is still in the stage.</summary>
    public void Finish() => Guard(() =>
    {
        if (_stage is null)
        {
            return;
        }

        _stage.Complete();
        while (_command.Await(token => _stage.Results.WaitToReadAsync(token).AsTask()))
        {
            EmitReady(_stage.Results);
        }
    });

    /// <summary>Stops what is still in the stage.</summary>
    public void Dispose() => _stage?.Dispose();

    /// <summary>What has ended the stage ends the command: without a key, or a ledger, no item can be worked on.</summary>
    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (KlingException exception)
        {
            _command.ThrowTerminatingError(exception, null);
            throw;
        }
    }

    private void EmitReady(ChannelReader<TOut> results)
    {
        while (results.TryRead(out TOut? result))
        {
            _emit(result);
        }

        if (results.Completion.IsFaulted)
        {
            // Something no one foresaw: nothing more is bought.
            results.Completion.GetAwaiter().GetResult();
        }
    }
}
