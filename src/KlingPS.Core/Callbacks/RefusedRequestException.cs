namespace KlingPS.Core.Callbacks;

/// <summary>Ends the reading of a request at the first thing that is wrong with it. Never leaves the listener.</summary>
internal sealed class RefusedRequestException(CallbackResult result) : Exception
{
    /// <summary>How the request is to be answered.</summary>
    public CallbackResult Result { get; } = result;
}
