namespace KlingPS.Sandbox.Wire;

/// <summary>The service's messages, word for word where they are known.</summary>
internal static class ServiceMessages
{
    internal const string Unauthorized =
        "Unauthorized – Authentication failed. Please check that your Authorization and Content-Type headers are correctly set.";

    internal const string UnsupportedModel =
        "The model name you specified is not supported. Please verify your input and use one of the supported models provided by KIE.";

    internal const string FieldRequired = "This field is required";
    internal const string TooLarge = "The request body is too large";
    internal const string TooDeep = "The request body is nested too deeply";
    internal const string InvalidJson = "The request body is not valid JSON";
    internal const string TextTooLong = "The text length cannot exceed the maximum limit";
    internal const string TooFrequent = "Your call frequency is too high. Please try again later.";
    internal const string UnknownTask = "recordInfo is null";
    internal const string UrlIsWrong = "url is wrong";
    internal const string ImageFetchFailed = "Image fetch failed. Check access settings or use our File Upload API instead.";
    internal const string InternalError = "internal error, please try again later";
    internal const string ServerException = "Server exception, please try again later";

    internal const string CreditsInsufficient =
        "Credits insufficient: the current balance is not enough to run this request. Please top up to continue.";

    internal static string OutsideOptions(string field) => $"{field} is not within the range of allowed options";

    /// <summary>The usual message of a code, for faults that give none.</summary>
    internal static string OfCode(int code) => code switch
    {
        401 => Unauthorized,
        402 => CreditsInsufficient,
        404 => "Not found",
        408 => "Upstream service timed out",
        413 => TooLarge,
        422 => "Validation error",
        429 => TooFrequent,
        433 => "The usage limit of this key has been reached",
        455 => "The service is under maintenance, please try again later",
        501 => "Generation failed",
        505 => "This feature is disabled",
        _ => ServerException,
    };
}
