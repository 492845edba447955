using KlingPS.Core.Model;

namespace KlingPS.Core.Submitting;

/// <summary>Finds what the service would refuse before anything is sent. The limits are those of the page of the create request.</summary>
public static class RequestRules
{
    /// <summary>Refuses a request with a parameter outside its range.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>, naming the parameter, its value and its range.</exception>
    public static void Check(Submission submission)
    {
        ArgumentNullException.ThrowIfNull(submission);
        VideoSpec spec = submission.Spec;
        if (string.IsNullOrWhiteSpace(spec.Prompt))
        {
            throw Invalid(submission, "the prompt is empty; say in 1 to 2500 characters what happens in the video");
        }

        if (spec.Prompt.Length > KlingModel.MaxPromptLength)
        {
            throw Invalid(submission, $"the prompt has {spec.Prompt.Length} characters; the service takes at most {KlingModel.MaxPromptLength}");
        }

        if (spec.NegativePrompt?.Length > KlingModel.MaxNegativePromptLength)
        {
            throw Invalid(submission, $"the negative prompt has {spec.NegativePrompt.Length} characters; the service takes at most {KlingModel.MaxNegativePromptLength}");
        }

        if (spec.Duration is not (null or 5 or 10))
        {
            throw Invalid(submission, $"a video of {spec.Duration} seconds cannot be made; the duration is 5 or 10");
        }

        if (spec.CfgScale is < 0 or > 1)
        {
            throw Invalid(submission, $"the CFG scale is {spec.CfgScale}; it goes from 0 to 1");
        }

        if (spec.Image is null)
        {
            throw Invalid(submission, "there is no image; without one the service would take it for text to video");
        }

        CheckUri(submission, "image", spec.Image is { IsFile: false } image ? image.Uri : null);
        CheckUri(submission, "tail image", spec.TailImage is { IsFile: false } tail ? tail.Uri : null);
        CheckUri(submission, "callback", spec.CallbackUri);
    }

    private static void CheckUri(Submission submission, string name, string? uri)
    {
        if (uri is not null
            && !(Uri.TryCreate(uri, UriKind.Absolute, out Uri? parsed) && (parsed.Scheme == Uri.UriSchemeHttps || parsed.Scheme == Uri.UriSchemeHttp)))
        {
            throw Invalid(submission, $"the {name} address '{uri}' is not an absolute http or https address");
        }
    }

    private static KlingException Invalid(Submission submission, string why)
        => new(ErrorKind.RequestInvalid, $"Nothing was bought for '{submission.Subject}': {why}.");
}
