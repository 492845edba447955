namespace KlingPS.Sandbox.Downloads;

/// <summary>The two clips every video is made of: H.264 in MP4, 320 by 180, 24 frames per second.</summary>
internal static class Clips
{
    private static readonly Lazy<byte[]> s_five = new(static () => Load("clip5.mp4"));
    private static readonly Lazy<byte[]> s_ten = new(static () => Load("clip10.mp4"));

    /// <summary>The clip for a video of that many seconds: the longer one for more than five.</summary>
    internal static byte[] Get(int seconds) => seconds <= 5 ? s_five.Value : s_ten.Value;

    private static byte[] Load(string name)
    {
        using Stream stream = typeof(Clips).Assembly.GetManifestResourceStream(name)!;
        byte[] clip = new byte[stream.Length];
        stream.ReadExactly(clip);
        return clip;
    }
}
