using KlingPS.Core.Imaging;

namespace KlingPS.Fuzz.Targets;

/// <summary>The headers of images.</summary>
internal sealed class ImageTarget : FuzzTarget
{
    public override string Name => "images";

    public override Task ReadAsync(byte[] input)
    {
        using var stream = new MemoryStream(input);
        ImageReport report = ImageInspector.Inspect(stream, "fox.png");
        return report.Width is <= 0 || report.Height is <= 0
            ? throw new BrokenPromiseException($"The image is {report.Width} × {report.Height} pixels.")
            : Task.CompletedTask;
    }
}
