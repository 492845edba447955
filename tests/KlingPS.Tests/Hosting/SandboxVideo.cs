using System.Text;

namespace KlingPS.Tests.Hosting;

internal static class SandboxVideo
{
    private const int TaskIdLength = 32;

    /// <summary>The id of the task that a video of the sandbox belongs to: the last thing in it.</summary>
    public static string TaskIdOf(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        Assert.Equal("ftyp"u8, content.AsSpan(4, 4));
        return Encoding.ASCII.GetString(content, content.Length - TaskIdLength, TaskIdLength);
    }
}
