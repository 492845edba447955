using KlingPS.Core.Tests.Imaging;
using KlingPS.Sandbox.State;

namespace KlingPS.Core.Tests.Sandbox;

/// <summary>The folders of several sandboxes on one machine.</summary>
public sealed class UploadStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public void Dispose() => _folder.Delete(recursive: true);

    private UploadStore NewStore() => new(TimeSpan.FromDays(1), TimeProvider.System, _folder.FullName);

    [Fact]
    public async Task A_sandbox_that_starts_while_others_start_keeps_its_folder_and_takes_uploads()
    {
        using var over = new CancellationTokenSource();
        Task others = Task.Run(() =>
        {
            while (!over.IsCancellationRequested)
            {
                UploadStore.DeleteAbandoned(_folder.FullName);
            }
        });

        for (int i = 0; i < 300; i++)
        {
            using UploadStore store = NewStore();
            Assert.True(Directory.Exists(store.Folder), $"The folder of sandbox {i} is gone.");
            using PendingUpload upload = store.Begin();
        }

        await over.CancelAsync();
        await others;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_image_that_is_uploaded_again_can_still_be_used_by_a_request_that_has_found_it_before(bool isSame)
    {
        using UploadStore store = NewStore();
        byte[] image = ImageBytes.Png(640, 360);
        StoredUpload found = await UploadAsync(store, image);

        StoredUpload again = await UploadAsync(store, isSame ? image : ImageBytes.Png(640, 480));

        Assert.Equal((640, 360), found.Sides);
        Assert.True(ModelRules.All["kling/v2-5-turbo-image-to-video-pro"].Takes(found));
        Assert.Equal(again, store.Find("images/fox.png"));
        Assert.Equal([again.LocalPath], Directory.GetFiles(store.Folder));
        Assert.Equal(isSame, found.LocalPath == again.LocalPath);
        Assert.True(again.UploadedAt >= found.UploadedAt);
    }

    private static async Task<StoredUpload> UploadAsync(UploadStore store, byte[] content)
    {
        using PendingUpload pending = store.Begin();
        await pending.WriteAsync(content, CancellationToken.None);
        return store.Commit(pending, "images/fox.png");
    }

    [Fact]
    public void What_a_sandbox_has_left_that_was_killed_is_deleted_by_the_next_one()
    {
        string left = Path.Combine(_folder.FullName, "KlingPS.Sandbox-killed");
        Directory.CreateDirectory(Path.Combine(left, "uploads"));
        File.WriteAllText(Path.Combine(left, ".lock"), string.Empty);
        using UploadStore running = NewStore();

        using UploadStore next = NewStore();

        Assert.False(Directory.Exists(left));
        Assert.True(Directory.Exists(running.Folder));
    }
}
