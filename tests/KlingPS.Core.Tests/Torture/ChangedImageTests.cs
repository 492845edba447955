using KlingPS.Core.Files;
using KlingPS.Core.Imaging;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Core.Tests.Torture;

public sealed class ChangedImageTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-changed-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(400_000, false)]
    [InlineData(400_000, true)]
    [InlineData(100, false)]
    [InlineData(600_000, false)]
    public async Task An_image_that_changes_before_it_is_uploaded_is_not_taken_for_what_it_was(int length, bool keepsTime)
    {
        await using SandboxServer server = SandboxServer.Start(new SandboxOptions());
        await using var ledger = SqliteLedger.Create(Path.Combine(_folder.FullName, "ledger.db"), TimeProvider.System);
        await using KlingSession session = SandboxSession.Open(server, ledger);
        string path = Path.Combine(_folder.FullName, "fox.png");
        DateTime yesterday = DateTime.UtcNow.AddDays(-1);
        Write(400_000, 1, yesterday);
        var uploader = new ImageUploader(new KlingService(session, observer: null));
        IdentifiedImage seen = await uploader.IdentifyAsync(path, isPresent: false, ImageInspector.MaximumLength, default);

        Write(length, 2, keepsTime ? yesterday : yesterday.AddHours(1));
        KlingException error = await Assert.ThrowsAsync<KlingException>(() => uploader.UploadAsync(seen, force: false, default));

        Assert.Equal(ErrorKind.FileUnreadable, error.Kind);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Equal(0, server.GetBill().Uploads);
        Assert.Null(await ledger.Uploads.FindAsync(session.Account, seen.Hash, default));

        // The next run takes it as it is, whatever its time says.
        PreparedImage image = await uploader.UploadAsync(path, force: false, default);
        Assert.Equal(await ContentHash.Sha256Async(path), image.Upload.Hash);
        Assert.Equal(1, server.GetBill().Uploads);

        void Write(int bytes, byte fill, DateTime time)
        {
            byte[] image = ImageBytes.Png(640, 360);
            byte[] content = [.. image, .. Enumerable.Repeat(fill, bytes - image.Length)];
            File.WriteAllBytes(path, content);
            File.SetLastWriteTimeUtc(path, time);
        }
    }
}
