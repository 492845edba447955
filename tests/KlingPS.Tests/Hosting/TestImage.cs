using System.Text;

namespace KlingPS.Tests.Hosting;

internal static class TestImage
{
    /// <summary>A PNG of 640 × 360 pixels, as far as its headers go.</summary>
    /// <param name="content">What makes it unlike others.</param>
    public static byte[] Png(string content)
    {
        byte[] data = Encoding.UTF8.GetBytes(content);
        return
        [
            0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n',
            0, 0, 0, 13, .. "IHDR"u8, 0, 0, 2, 128, 0, 0, 1, 104, 8, 2, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, (byte)data.Length, .. "IDAT"u8, .. data, 0, 0, 0, 0,
            0, 0, 0, 0, .. "IEND"u8, 0xAE, 0x42, 0x60, 0x82,
        ];
    }
}
