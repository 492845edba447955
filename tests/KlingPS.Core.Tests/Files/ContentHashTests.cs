using System.Security.Cryptography;
using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Files;

public sealed class ContentHashTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(128 * 1024)]
    [InlineData(300_001)]
    public async Task The_hash_is_that_of_the_whole_content_in_lowercase(int length)
    {
        string file = Path.GetTempFileName();
        try
        {
            byte[] bytes = new byte[length];
            new Random(length).NextBytes(bytes);
            await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);

            string hash = await ContentHash.Sha256Async(file, TestContext.Current.CancellationToken);

            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), hash);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_missing_file_is_reported_as_one()
    {
        var exception = await Assert.ThrowsAsync<KlingException>(() => ContentHash.Sha256Async(Path.Combine(Path.GetTempPath(), "klingps-none.png")));

        Assert.Equal(ErrorKind.PathNotFound, exception.Kind);
    }
}
