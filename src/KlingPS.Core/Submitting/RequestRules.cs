using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>Finds what the service would refuse before anything is sent. The limits are those of the page of the create request.</summary>
public static class RequestRules
{
    /// <summary>Refuses a request with a parameter outside its range.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>, naming the parameter, its value and its range.</exception>
    public static void Check(SubmissionRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (string.IsNullOrWhiteSpace(request.Prompt))
        {
            throw Invalid(request, "the prompt is empty; say in 1 to 2500 characters what happens in the video");
        }

        if (request.Prompt.Length > KlingModel.MaxPromptLength)
        {
            throw Invalid(request, $"the prompt has {request.Prompt.Length} characters; the service takes at most {KlingModel.MaxPromptLength}");
        }

        if (request.NegativePrompt?.Length > KlingModel.MaxNegativePromptLength)
        {
            throw Invalid(request, $"the negative prompt has {request.NegativePrompt.Length} characters; the service takes at most {KlingModel.MaxNegativePromptLength}");
        }

        if (request.Duration is not (null or 5 or 10))
        {
            throw Invalid(request, $"a video of {request.Duration} seconds cannot be made; the duration is 5 or 10");
        }

        if (request.CfgScale is < 0 or > 1)
        {
            throw Invalid(request, $"the CFG scale is {request.CfgScale}; it goes from 0 to 1");
        }

        if (request is { SourcePath: null, ImageUri: null })
        {
            throw Invalid(request, "there is no image; without one the service would take it for text to video");
        }

        CheckUri(request, "image", request.ImageUri);
        CheckUri(request, "tail image", request.TailImageUri);
        CheckUri(request, "callback", request.CallbackUri);
    }

    private static void CheckUri(SubmissionRequest request, string name, string? uri)
    {
        if (uri is not null
            && !(Uri.TryCreate(uri, UriKind.Absolute, out Uri? parsed) && (parsed.Scheme == Uri.UriSchemeHttps || parsed.Scheme == Uri.UriSchemeHttp)))
        {
            throw Invalid(request, $"the {name} address '{uri}' is not an absolute http or https address");
        }
    }

    private static KlingException Invalid(SubmissionRequest request, string why)
        => new(ErrorKind.RequestInvalid, $"Nothing was bought for '{request.Subject}': {why}.");
}
