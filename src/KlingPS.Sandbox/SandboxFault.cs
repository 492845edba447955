namespace KlingPS.Sandbox;

/// <summary>
/// One planned fault. Faults are matched in the order they were added, and each request suffers at most one (not counting
/// delays), so a list of faults plays like a script. Once added, a fault belongs to the server; do not change it.
/// </summary>
public sealed class SandboxFault
{
    /// <summary>What it affects: the name of a <see cref="SandboxOperation"/>, such as <c>Create</c>, in upper or lower case.</summary>
    /// <exception cref="ArgumentException">There is no such operation.</exception>
    public string On
    {
        get => Operation.ToString();
        set => Operation = Read<SandboxOperation>(value, nameof(On));
    }

    /// <summary>What goes wrong: the name of a <see cref="SandboxFaultKind"/>, such as <c>LoseAnswerAfter</c>, in upper or lower case.</summary>
    /// <exception cref="ArgumentException">There is no such kind.</exception>
    public string Kind
    {
        get => FaultKind.ToString();
        set => FaultKind = Read<SandboxFaultKind>(value, nameof(Kind));
    }

    /// <summary>How many times it happens; 0 means no limit. Ignored if there is a <see cref="Duration"/>.</summary>
    public int Count { get; set; } = 1;

    /// <summary>How many matching requests succeed first. Requests that an earlier fault affects do not count.</summary>
    public int Skip { get; set; }

    /// <summary>The probability, 0 to 1, that a matching request is affected.</summary>
    public double Probability { get; set; } = 1;

    /// <summary>The business code of <see cref="SandboxFaultKind.Code"/> (500 if null) and <see cref="SandboxFaultKind.HttpStatus"/>.</summary>
    public int? Code { get; set; }

    /// <summary>The message that goes with the code; null means the service's usual one.</summary>
    public string? Message { get; set; }

    /// <summary>The HTTP status of <see cref="SandboxFaultKind.HttpStatus"/> and <see cref="SandboxFaultKind.GatewayHtml"/>.</summary>
    public int? Status { get; set; }

    /// <summary>How long to wait before the fault happens, whatever its kind.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>
    /// What a <c>Retry-After</c> header says, for the kinds that respond with a code or status: seconds, a date, or anything else; null sends
    /// none, like the service.
    /// </summary>
    public string? RetryAfter { get; set; }

    /// <summary>How long it keeps happening after the first time, however often; if zero, <see cref="Count"/> decides.</summary>
    public TimeSpan Duration { get; set; }

    /// <summary>How fast the body of a <see cref="SandboxFaultKind.Trickle"/> comes.</summary>
    public int BytesPerSecond { get; set; } = 1;

    /// <summary>The compression of <see cref="SandboxFaultKind.DamagedEncoding"/>: <c>gzip</c>, <c>deflate</c> or <c>br</c>.</summary>
    public string Encoding { get; set; } = "gzip";

    /// <summary>The address of <see cref="SandboxFaultKind.WrongLink"/> and <see cref="SandboxFaultKind.Redirect"/>; any text.</summary>
    public string? Link { get; set; }

    /// <summary>The name of the field of <see cref="SandboxFaultKind.WrongField"/>, in the envelope or in its <c>data</c>.</summary>
    public string? Field { get; set; }

    /// <summary>What that field holds instead: JSON, or a text if it is not JSON; null leaves the field out.</summary>
    public string? Value { get; set; }

    /// <summary>The fraction of a download after which it is cut: 0 (right after the headers) or more, below 1.</summary>
    public double AtFraction { get; set; } = 0.4;

    /// <summary>The failed task's <c>failCode</c> (500 if null).</summary>
    public string? FailCode { get; set; }

    /// <summary>The failed task's <c>failMsg</c>.</summary>
    public string? FailMessage { get; set; }

    /// <summary>
    /// Text that must occur in the URL or JSON body of the request, in the path of the uploaded file, or for
    /// <see cref="SandboxOperation.Generate"/> in the prompt. Null matches everything.
    /// </summary>
    public string? Match { get; set; }
    /// <summary><see cref="On"/> for the sandbox. Users get text, because ConvertTo-Json writes an enum as a number.</summary>
    internal SandboxOperation Operation { get; set; }

    /// <summary><see cref="Kind"/> for the sandbox.</summary>
    internal SandboxFaultKind FaultKind { get; set; }

    private static T Read<T>(string word, string property)
        where T : struct, Enum
        => Enum.TryParse(word, ignoreCase: true, out T value) && Enum.IsDefined(value)
            ? value
            : throw new ArgumentException($"'{word}' is not one of the values of {property}: {string.Join(", ", Enum.GetNames<T>())}.");
}
