namespace KlingPS.Sandbox;

/// <summary>
/// One planned mishap. Faults are tried in the order they were added, and each request meets at most one (beside delays),
/// so a list of faults plays like a script. A fault belongs to the server once added; do not change it afterwards.
/// </summary>
public sealed class SandboxFault
{
    /// <summary>What it strikes.</summary>
    public SandboxOperation On { get; set; }

    /// <summary>What goes wrong.</summary>
    public SandboxFaultKind Kind { get; set; }

    /// <summary>How many times it strikes; 0 means for ever.</summary>
    public int Count { get; set; } = 1;

    /// <summary>How many matching requests pass unharmed first. Requests taken by an earlier fault do not count.</summary>
    public int Skip { get; set; }

    /// <summary>The chance, 0 to 1, that a matching request is struck.</summary>
    public double Probability { get; set; } = 1;

    /// <summary>The business code of <see cref="SandboxFaultKind.Code"/> (500 if null) and <see cref="SandboxFaultKind.HttpStatus"/>.</summary>
    public int? Code { get; set; }

    /// <summary>The message beside the code; null means the service's usual one.</summary>
    public string? Message { get; set; }

    /// <summary>The HTTP status of <see cref="SandboxFaultKind.HttpStatus"/> and <see cref="SandboxFaultKind.GatewayHtml"/>.</summary>
    public int? Status { get; set; }

    /// <summary>Waited out before the fault happens, whatever its kind.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Seconds in a <c>Retry-After</c> header on the kinds that answer with a code or status; null sends none, like the service.</summary>
    public int? RetryAfter { get; set; }

    /// <summary>Where a download is cut: 0 right after the headers, below 1.</summary>
    public double AtFraction { get; set; } = 0.4;

    /// <summary>The failed task's <c>failCode</c> (500 if null).</summary>
    public string? FailCode { get; set; }

    /// <summary>The failed task's <c>failMsg</c>.</summary>
    public string? FailMessage { get; set; }

    /// <summary>
    /// Text that has to occur: in the URL or JSON body of the request, in the path of the uploaded file, or for
    /// <see cref="SandboxOperation.Generate"/> in the prompt. Null fits all.
    /// </summary>
    public string? Match { get; set; }
}
