namespace KlingPS.Core.Api;

/// <summary>How far a request got that ended in an error. This decides whether it may be sent again.</summary>
public enum TransportFault
{
    /// <summary>The service answered, and the answer can be read: what it says is what happened.</summary>
    Answered,

    /// <summary>The request provably never left: the name was not found, the connection refused, TLS failed. Sending it again is safe.</summary>
    NotSent,

    /// <summary>The request left and no answer that can be read came back: it may have had its effect.</summary>
    AnswerUnknown,
}
