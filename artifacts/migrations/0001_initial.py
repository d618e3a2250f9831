import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AccessToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='access_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='projects', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Artifact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('phase', models.CharField(max_length=40)),
                ('type', models.CharField(default='markdown', editable=False, max_length=20)),
                ('title', models.CharField(max_length=200)),
                ('instructions', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('stream_status', models.CharField(choices=[('idle', 'Idle'), ('streaming', 'Streaming'), ('paused', 'Paused'), ('complete', 'Complete'), ('cancelled', 'Cancelled')], default='idle', max_length=10)),
                ('reason', models.CharField(blank=True, choices=[('queued', 'Queued'), ('waiting_retry', 'Waiting Retry'), ('user', 'User'), ('shutdown', 'Shutdown'), ('turns_exhausted', 'Turns Exhausted'), ('no_progress', 'No Progress'), ('tokens_exhausted', 'Tokens Exhausted'), ('bad_seam', 'Bad Seam'), ('deadline', 'Deadline'), ('rate_limited', 'Rate Limited'), ('provider_error', 'Provider Error'), ('auth', 'Auth'), ('model_not_found', 'Model Not Found'), ('filtered', 'Filtered'), ('poison', 'Poison'), ('disk_full', 'Disk Full')], default='', max_length=20)),
                ('last_error', models.TextField(blank=True, default='')),
                ('stop_requested', models.CharField(blank=True, choices=[('cancel', 'Cancel'), ('pause', 'Pause')], default='', max_length=6)),
                ('content', models.TextField(blank=True, default='')),
                ('content_length', models.PositiveIntegerField(default=0)),
                ('length', models.PositiveIntegerField(default=0)),
                ('preview_html', models.TextField(blank=True, default='')),
                ('preview_length', models.PositiveIntegerField(default=0)),
                ('epoch', models.PositiveIntegerField(default=1)),
                ('seq', models.PositiveBigIntegerField(default=0)),
                ('fence', models.PositiveBigIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('current_section', models.CharField(blank=True, default='', max_length=120)),
                ('sections_completed', models.PositiveSmallIntegerField(default=0)),
                ('sections_total', models.PositiveSmallIntegerField(default=0)),
                ('tokens_generated', models.PositiveIntegerField(default=0)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='artifacts', to='artifacts.project')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Section',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('name', models.CharField(max_length=120)),
                ('instructions', models.TextField(blank=True)),
                ('max_tokens', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('streaming', 'Streaming'), ('partial', 'Partial'), ('complete', 'Complete')], default='pending', max_length=10)),
                ('start', models.PositiveIntegerField(blank=True, null=True)),
                ('tokens', models.PositiveIntegerField(default=0)),
                ('model', models.CharField(blank=True, default='', max_length=200)),
                ('artifact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sections', to='artifacts.artifact')),
            ],
            options={
                'ordering': ['artifact', 'position'],
            },
        ),
        migrations.CreateModel(
            name='ArtifactVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('epoch', models.PositiveIntegerField()),
                ('stream_status', models.CharField(choices=[('idle', 'Idle'), ('streaming', 'Streaming'), ('paused', 'Paused'), ('complete', 'Complete'), ('cancelled', 'Cancelled')], max_length=10)),
                ('content', models.TextField(blank=True)),
                ('sections', models.JSONField(default=list)),
                ('tokens_generated', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('artifact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='artifacts.artifact')),
            ],
            options={
                'ordering': ['artifact', '-epoch'],
                'constraints': [models.UniqueConstraint(fields=('artifact', 'epoch'), name='version_artifact_epoch')],
            },
        ),
        migrations.CreateModel(
            name='Delta',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('epoch', models.PositiveIntegerField()),
                ('seq', models.PositiveBigIntegerField()),
                ('offset', models.PositiveIntegerField()),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('artifact', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deltas', to='artifacts.artifact')),
            ],
            options={
                'ordering': ['artifact', 'epoch', 'offset'],
                'constraints': [models.UniqueConstraint(fields=('artifact', 'epoch', 'offset'), name='delta_artifact_epoch_offset'), models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='delta_not_empty')],
            },
        ),
        migrations.AddIndex(
            model_name='artifact',
            index=models.Index(fields=['stream_status', 'lease_until'], name='artifact_status_lease'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.UniqueConstraint(fields=('project', 'phase'), name='artifact_project_phase'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(('stream_status__in', ['idle', 'streaming', 'paused', 'complete', 'cancelled'])), name='artifact_status_known'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(('content_length__lte', models.F('length'))), name='artifact_folded_within_text'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(('sections_completed__lte', models.F('sections_total'))), name='artifact_sections_within_plan'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(('stop_requested', ''), ('stream_status', 'streaming'), _connector='OR'), name='artifact_stop_only_while_streaming'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(('lease_until', None), ('stream_status', 'streaming'), _connector='OR'), name='artifact_lease_only_while_streaming'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stream_status', 'idle'), _negated=True), ('length', 0), _connector='OR'), name='artifact_idle_is_empty'),
        ),
        migrations.AddConstraint(
            model_name='artifact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stream_status', 'complete'), _negated=True), ('sections_completed', models.F('sections_total')), _connector='OR'), name='artifact_complete_is_whole'),
        ),
        migrations.AddConstraint(
            model_name='section',
            constraint=models.UniqueConstraint(fields=('artifact', 'position'), name='section_artifact_position'),
        ),
        migrations.AddConstraint(
            model_name='section',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'streaming', 'partial', 'complete'])), name='section_status_known'),
        ),
    ]
