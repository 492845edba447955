using System.Globalization;
using KlingPS.Core.Callbacks;
using KlingPS.Hosting;

namespace KlingPS.Text;

/// <summary>What is said about callbacks.</summary>
internal static class CallbackText
{
    /// <summary>The progress of the batch, for the progress bar.</summary>
    /// <param name="batch">The tasks.</param>
    /// <param name="listener">Takes the callbacks.</param>
    public static string DescribeProgress(BatchCounts batch, CallbackListener listener)
    {
        long refused = listener.Counts.Refused;
        string others = refused == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $", {refused} {(refused == 1 ? "request" : "requests")} refused");
        int finished = batch.Done + batch.Failed;
        return batch.Fed == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{finished} finished, listening at {listener.Prefix}{others}")
            : string.Create(CultureInfo.InvariantCulture, $"{finished} of {batch.Fed} finished{others}");
    }

    /// <summary>What came to the address while the command listened.</summary>
    /// <param name="listener">The listener that received the callbacks.</param>
    /// <param name="receiver">The receiver that processed them.</param>
    public static string Summarize(CallbackListener listener, CallbackReceiver receiver)
    {
        string ignored = receiver.Ignored == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"; {receiver.Ignored} about tasks that are not known here");
        string lost = receiver.StillLost == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" Tasks whose response was lost and that got no callback: {receiver.StillLost} (Get-KlingVideoTask -State Unknown).");
        return $"Callbacks at {listener.Prefix}: {listener.Counts}{ignored}.{lost}";
    }

    /// <summary>What the user should do when a callback was refused for its signature; <see langword="null"/> when it was refused for something else.</summary>
    public static string? AdviseOnRefusal(CallbackResult result) => result switch
    {
        CallbackResult.Forged => "A callback was refused because its signature is missing or wrong. If it came from the service, -HmacKey is not the key shown at https://kie.ai/settings.",
        CallbackResult.Stale => "A callback was refused because it was signed too long ago or in the future. If it came from the service, the clock of this machine is wrong.",
        _ => null,
    };
}
