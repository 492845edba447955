using System.Threading.Channels;

namespace KlingPS.Core.Stages;

/// <summary>
/// A part of the pipeline that takes items while it hands out the results of earlier ones. Disposing it tells running work to
/// stop without waiting for it, so the prompt returns at once. A purchase that is under way is completed and recorded.
/// </summary>
/// <typeparam name="TIn">An item.</typeparam>
/// <typeparam name="TOut">Its result.</typeparam>
internal interface IPipelineStage<TIn, TOut> : IDisposable
{
    /// <summary>The results of the items, as they become known. Ends when everything posted has come out.</summary>
    ChannelReader<TOut> Results { get; }

    /// <summary>Takes an item as soon as there is room for it.</summary>
    Task PostAsync(TIn item, CancellationToken cancellationToken);

    /// <summary>Says that no more items will come.</summary>
    void Complete();
}
