namespace KlingPS.Sandbox.Http;

/// <summary>A request that has been read and has had no effect yet, so that a fault can still come before it.</summary>
internal sealed class PreparedCall(string matchText, Func<SandboxFaultKind?, ApiAnswer> answer, IDisposable? unused = null) : IDisposable
{
    /// <summary>What <see cref="SandboxFault.Match"/> is looked for in.</summary>
    internal string MatchText { get; } = matchText;

    /// <summary>Whether the kind of fault would show on this very request.</summary>
    internal Func<SandboxFaultKind, bool> Admits { get; init; } = static _ => true;

    /// <summary>Takes effect and answers.</summary>
    internal ApiAnswer Answer(SandboxFaultKind? fault) => answer(fault);

    /// <summary>Gives up what the call has not used.</summary>
    public void Dispose() => unused?.Dispose();
}
