namespace KlingPS.Sandbox.Jobs;

/// <summary>
/// A create request that passed validation. Duration is in seconds, 5 or 10; Credits is its price; Param is the text of
/// that name in recordInfo, with the input encoded twice and defaults filled in; Text is the body as received; Callback is
/// where the end of the task is to be reported.
/// </summary>
internal sealed record CreateRequest(
    string Model,
    string Prompt,
    Uri ImageUri,
    Uri? TailImageUri,
    int Duration,
    decimal Credits,
    string Param,
    string Text,
    Uri? Callback);
