using KlingPS.Core.Model;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Tests.Submitting;

/// <summary>Submissions in the words of a test.</summary>
internal static class Submissions
{
    public static Submission FromFile(string path, string prompt = "A fox runs.") => new() { Spec = new VideoSpec { Prompt = prompt, Image = MediaSource.FromFile(path) } };

    public static Submission FromUri(string uri, string prompt = "A fox runs.") => new() { Spec = new VideoSpec { Prompt = prompt, Image = MediaSource.FromUri(uri) } };

    /// <summary>The same, but for what is asked for.</summary>
    public static Submission Asking(this Submission submission, Func<VideoSpec, VideoSpec> change) => submission with { Spec = change(submission.Spec) };
}
