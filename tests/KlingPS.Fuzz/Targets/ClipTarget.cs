using KlingPS.Core.Clips;
using KlingPS.Core.Saving;

namespace KlingPS.Fuzz.Targets;

/// <summary>The headers of videos and audio, and the structure of a video that was downloaded.</summary>
internal sealed class ClipTarget : FuzzTarget
{
    public override string Name => "clips";

    public override Task ReadAsync(byte[] input)
    {
        using var stream = new MemoryStream(input);
        ClipReport report = ClipInspector.Inspect(stream, "fox.mp4");
        stream.Position = 0;
        _ = Mp4Structure.FindProblem(stream);
        return report.Seconds is < 0 || report.FrameRate is < 0 || report.Width is < 0 || report.Height is < 0
            ? throw new BrokenPromiseException($"It lasts {report.Seconds} s, with {report.FrameRate} frames a second of {report.Width} × {report.Height} pixels.")
            : Task.CompletedTask;
    }
}
